-- Takes runs that this process serves, by priority, then age, and returns each with the number of its recorded
-- outcomes and the first of them, up to about $7 bytes: more follow in pages of claims/history.
-- Called by: claim. Index: workflow_status_claim, once per pair of queue and route; operation_outputs_pkey.
-- Locks: up to $6 runs per pair FOR UPDATE, passing over locked ones; those not taken until the statement's end.
-- READ COMMITTED or not makes no difference: a row that changed meanwhile is passed over or an error, never taken twice.
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
    w.engine_format, w.priority,
    (select json_build_array(count(*), json_agg(
                json_build_array(h.branch, h.seq, h.name, h.kind, h.ended, h.output, h.error, h.fingerprint, h.pos, h.epoch,
                                 h.attempts, h.child_run, h.codec_id,
                                 extract(epoch from h.completed_at)::double precision)
                order by h.pos) filter (where coalesce(h.bytes_before, 0) < $7::bigint))::text
     from (select o.*, sum(coalesce(octet_length(o.output), 0) + coalesce(octet_length(o.error), 0))
                           over (order by o.pos rows between unbounded preceding and 1 preceding) as bytes_before
           from stepwell.operation_outputs o
           where o.run_id = w.run_id) h),
    (select json_agg(json_build_array(i.branch, i.seq, i.name, i.kind, i.attempt,
                                      extract(epoch from i.due)::double precision, i.error))::text
     from stepwell.operation_intents i where i.run_id = w.run_id)
