-- Puts the runs back to ENQUEUED that are parked on one of these, which have ended; removes their waits.
-- Called by: wake_waiters_of. Index: waits_target, primary keys.
-- Locks: those runs in the order of run_id, passing over locked ones (the sweep finds them).
with ripe as materialized (
    select distinct w.run_id
    from stepwell.waits w
    where w.target_run = any ($1::uuid[])
      and (select t.completed_at is null from stepwell.workflow_status t where t.run_id = w.target_run) is not true
), woken as (
    update stepwell.workflow_status w
    set status = 'ENQUEUED'
    where w.ctid = any (array(
        select s.ctid
        from stepwell.workflow_status s
        where s.run_id = any (array(select r.run_id from ripe r)) and s.status = 'WAITING'
        order by s.run_id
        for no key update skip locked))
    returning w.run_id
), gone as (
    delete from stepwell.waits where run_id = any (array(select k.run_id from woken k))
)
select count(*) from woken
