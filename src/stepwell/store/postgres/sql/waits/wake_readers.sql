-- Puts runs back to ENQUEUED that are parked on an event or an entry of these (run, key) that is there now; removes
-- their waits.
-- Called by: publish, in a transaction of its own after the one that wrote them. Index: waits_target, primary keys.
-- Locks: those runs in the order of run_id, passing over locked ones (the sweep finds them).
with ripe as materialized (
    select w.run_id
    from (select distinct n.run_id, n.key from unnest($1::uuid[], $2::text[]) as n (run_id, key)) u
    join stepwell.waits w on w.target_run = u.run_id and w.key = u.key and w.target_run is not null
    where case w.kind
               when 'event' then
                   (select true from stepwell.events e where e.run_id = w.target_run and e.key = w.key)
               when 'stream' then
                   (select true from stepwell.streams s
                    where s.run_id = w.target_run and s.key = w.key and s.number = w.number)
           end
    limit $3::integer
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
