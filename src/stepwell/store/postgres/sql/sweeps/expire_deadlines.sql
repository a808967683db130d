-- Sets a cancellation with reason "deadline" where the deadline is over; with the same effects as operators/cancel.
-- Called by: expire_deadlines. Index: workflow_status_deadline. Locks: those runs, passing over locked ones.
with touched as (
    update stepwell.workflow_status w
    set cancel_reason = coalesce(w.cancel_reason, 'deadline'),
        cancel_requested_at = coalesce(w.cancel_requested_at, stepwell.clock()),
        status = case when (false or w.status = 'DEAD' or (w.status = 'ENQUEUED' and w.started_at is null)) then 'CANCELLED'
                      when w.status in ('WAITING', 'BLOCKED') then 'ENQUEUED' else w.status end,
        reason = case when (false or w.status = 'DEAD' or (w.status = 'ENQUEUED' and w.started_at is null)) then coalesce(w.cancel_reason, 'deadline')
                      when w.status = 'BLOCKED' then null else w.reason end,
        completed_at = case when (false or w.status = 'DEAD' or (w.status = 'ENQUEUED' and w.started_at is null)) then stepwell.clock() end,
        owner = case when not (false or w.status = 'DEAD' or (w.status = 'ENQUEUED' and w.started_at is null)) then w.owner end,
        delayed = w.delayed and not (false or w.status = 'DEAD' or (w.status = 'ENQUEUED' and w.started_at is null)),
        epoch = w.epoch + case when false then 1 else 0 end
    where w.ctid = any (array(
        select s.ctid
        from stepwell.workflow_status s
        where s.deadline <= (select stepwell.clock())
          and s.deadline is not null and s.cancel_reason is null and s.completed_at is null
        order by s.deadline
        limit $1::integer
        for no key update skip locked))
    returning w.run_id, w.status
), gone as (
    delete from stepwell.waits
    where run_id = any (array(select t.run_id from touched t where t.status in ('ENQUEUED', 'CANCELLED')))
)
select count(*) from touched
