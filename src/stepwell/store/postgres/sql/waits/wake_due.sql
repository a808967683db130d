-- Puts parked runs back to ENQUEUED of which a wait is due; removes their waits.
-- Called by: wake_due. Index: waits_wake_at, primary keys.
-- Locks: those runs in the order of run_id, passing over locked ones.
with ripe as materialized (
    select w.run_id
    from stepwell.waits w
    where w.wake_at <= (select stepwell.clock())
    order by w.wake_at
    limit $1::integer
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
