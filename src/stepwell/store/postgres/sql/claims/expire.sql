-- Ends runs that have not started by the moment until which that made sense.
-- Called by: claim, before claims/take in the same transaction. Index: workflow_status_expiry.
-- Locks: those runs, passing over locked ones.
update stepwell.workflow_status w
set status = 'CANCELLED', reason = 'expired', cancel_reason = coalesce(w.cancel_reason, 'expired'), delayed = false,
    completed_at = stepwell.clock()
where w.ctid = any (array(
    select s.ctid
    from stepwell.workflow_status s
    where s.expires_at <= (select stepwell.clock()) and s.status = 'ENQUEUED' and s.started_at is null
    order by s.expires_at
    limit $1::integer
    for no key update skip locked))
returning w.run_id
