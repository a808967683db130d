-- Ends runs of a queue that wait and never started, the oldest first.
-- Called by: purge_queue. Index: workflow_status_queued. Locks: those runs, passing over locked ones.
update stepwell.workflow_status w
set status = 'CANCELLED', reason = 'purged', cancel_reason = coalesce(w.cancel_reason, 'purged'), delayed = false,
    completed_at = stepwell.clock()
where w.ctid = any (array(
    select s.ctid
    from stepwell.workflow_status s
    where s.status = 'ENQUEUED' and s.queue <> '' and s.namespace = $1::text and s.queue = $2::text
      and s.started_at is null
    order by s.created_at
    limit $3::integer
    for no key update skip locked))
returning w.run_id
