-- claims/take without the histories: for a batch in which one history is too large for a single answer.
-- Called by: claim, after claims/take was refused; the histories follow in pages of claims/history.
-- Index: workflow_status_claim. Locks: as claims/take.
update stepwell.workflow_status w
set status = 'PENDING', owner = $1::uuid, epoch = w.epoch + 1, attempts = w.attempts + 1, reason = null,
    started_at = coalesce(w.started_at, stepwell.clock())
where w.ctid = any (array(
    select picked.tid
    from unnest($4::text[]) as q (queue)
    cross join unnest($5::text[]) as r (route)
    cross join lateral (
        select s.ctid as tid, s.priority, s.created_at
        from stepwell.workflow_status s
        where s.status = 'ENQUEUED' and not s.delayed
          and s.namespace = $2::text and s.app = $3::text and s.queue = q.queue and s.route = r.route
        order by s.priority, s.created_at
        limit $6::integer
        for update skip locked
    ) picked
    order by picked.priority, picked.created_at
    limit $6::integer))
returning w.run_id, w.workflow_id, w.epoch, w.name, w.version, w.instance, w.input, w.codec_id, w.attempts,
    extract(epoch from w.deadline)::double precision, w.cancel_reason,
    (select a.attributes::text from stepwell.workflow_attributes a where a.run_id = w.run_id),
    w.parent_run_id, w.parent_branch, w.parent_seq, w.root_run_id,
    extract(epoch from w.created_at)::double precision, extract(epoch from stepwell.clock())::double precision,
    w.engine_format, w.priority
