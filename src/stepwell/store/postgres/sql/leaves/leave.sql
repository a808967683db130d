-- Ends executions without an outcome: released, parked or blocked. Returns the runs whose epoch still held.
-- Called by: leave. Index: primary keys of workflow_status and operation_outputs.
-- Locks: those runs FOR NO KEY UPDATE, in the order of run_id, passing over those that somebody's open transaction
-- holds (it has sent to them, or cancelled them): leaves/held_back names these, and nobody else waits for them.
-- With a cancellation pending nothing is parked: the request may have come when the execution did not look any more.
-- A release that counts as a recovery does so like a reap; above max_recoveries the run is DEAD.
update stepwell.workflow_status w
set owner = null,
    status = case when f.ends_dead then 'DEAD' else f.status end,
    epoch = w.epoch + case when f.status = 'ENQUEUED' then 1 else 0 end,
    recoveries = f.recoveries,
    reason = case when f.ends_dead then 'max_recoveries: taken over too often without a new checkpoint' else f.reason end,
    tried_hints = case when f.status = 'BLOCKED' then concat_ws(E'\n', w.tried_hints, f.code_hint) else w.tried_hints end
from (
    select l.*, l.recovery and l.recoveries > l.max_recoveries as ends_dead
    from (
        select s.ctid as tid, u.reason,
               case when u.status = 'WAITING' and s.cancel_reason is not null then 'ENQUEUED' else u.status end as status,
               u.code_hint, u.recovery, s.max_recoveries,
               case when not u.recovery then s.recoveries
                    when (select true from stepwell.operation_outputs o
                          where o.run_id = s.run_id and o.epoch = s.epoch limit 1) then 1
                    else s.recoveries + 1 end as recoveries
        from unnest($1::uuid[], $2::integer[], $3::text[], $4::text[], $5::text[], $6::boolean[])
             as u (run_id, epoch, status, reason, code_hint, recovery)
        join stepwell.workflow_status s on s.run_id = u.run_id and s.epoch = u.epoch
        where s.status = 'PENDING'
        order by s.run_id
        for no key update of s skip locked
    ) l
) f
where w.ctid = f.tid
returning w.run_id
