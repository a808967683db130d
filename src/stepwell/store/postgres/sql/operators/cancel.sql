-- Records a cancellation on runs and, if asked, on their descendants that are to follow. What never started, or
-- is DEAD, or is forced, is CANCELLED at once; WAITING and BLOCKED ones go back to ENQUEUED, for their cleanup.
-- Called by: request_cancel. Index: primary key, workflow_status_gate.
-- Locks: those runs FOR NO KEY UPDATE in the order of run_id.
with recursive family as (
    select s.run_id from stepwell.workflow_status s where s.run_id = any ($1::uuid[])
    union
    select c.run_id
    from family f
    join stepwell.workflow_status c on c.parent_run_id = f.run_id
    where $4::boolean and c.current and c.parent_run_id is not null and c.parent_close = 'cancel'
), touched as (
    update stepwell.workflow_status w
    set cancel_reason = coalesce(w.cancel_reason, $2::text),
        cancel_requested_at = coalesce(w.cancel_requested_at, stepwell.clock()),
        status = case when ($3::boolean or w.status = 'DEAD' or (w.status = 'ENQUEUED' and w.started_at is null)) then 'CANCELLED'
                      when w.status in ('WAITING', 'BLOCKED') then 'ENQUEUED' else w.status end,
        reason = case when ($3::boolean or w.status = 'DEAD' or (w.status = 'ENQUEUED' and w.started_at is null)) then coalesce(w.cancel_reason, $2::text)
                      when w.status = 'BLOCKED' then null else w.reason end,
        completed_at = case when ($3::boolean or w.status = 'DEAD' or (w.status = 'ENQUEUED' and w.started_at is null)) then stepwell.clock() end,
        owner = case when not ($3::boolean or w.status = 'DEAD' or (w.status = 'ENQUEUED' and w.started_at is null)) then w.owner end,
        delayed = w.delayed and not ($3::boolean or w.status = 'DEAD' or (w.status = 'ENQUEUED' and w.started_at is null)),
        epoch = w.epoch + case when $3::boolean then 1 else 0 end
    where w.ctid = any (array(
        select s.ctid
        from stepwell.workflow_status s
        where s.run_id = any (array(select f.run_id from family f)) and s.completed_at is null
        order by s.run_id
        for no key update))
    returning w.run_id, w.status
), gone as (
    delete from stepwell.waits
    where run_id = any (array(select t.run_id from touched t where t.status in ('ENQUEUED', 'CANCELLED')))
)
select t.run_id from touched t
