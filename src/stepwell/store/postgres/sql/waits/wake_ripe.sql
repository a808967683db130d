-- Puts parked runs back to ENQUEUED of which a wait is due, its fact is there, the awaited run has ended or is gone,
-- or which have a pending cancellation; removes their waits.
-- Called by: wake. Index: waits_wake_at, waits_target with the primary key of workflow_status, messages_waiting,
-- primary keys of events and streams, published_events_order (waits with a filter are looked at by
-- event_waits_behind), workflow_status_cancelling.
-- Locks: those runs in the order of run_id, passing over locked ones.
with ripe as materialized (
    (select w.run_id
     from stepwell.waits w
     where w.wake_at <= (select stepwell.clock())
     order by w.wake_at
     limit $1::integer)
    union
    (select w.run_id
     from stepwell.waits w
     where w.target_run is not null
       and (select t.completed_at is null from stepwell.workflow_status t where t.run_id = w.target_run) is not true
     limit $1::integer)
    union
    (select w.run_id
     from stepwell.waits w
     where case w.kind
               when 'message' then
                   (select true from stepwell.messages m
                    where m.run_id = w.run_id and m.topic = w.topic and m.consumed_seq is null
                    limit 1)
               when 'event' then
                   (select true from stepwell.events e where e.run_id = w.target_run and e.key = w.key)
               when 'stream' then
                   (select true from stepwell.streams s
                    where s.run_id = w.target_run and s.key = w.key and s.number = w.number)
               when 'published' then
                   w.filter is null
                   and (select p.number from stepwell.published_events p
                        where p.namespace = (select n.namespace from stepwell.workflow_status n
                                             where n.run_id = w.run_id)
                          and p.event = w.key
                        order by p.number desc
                        limit 1) > w.position
           end
     limit $1::integer)
    union
    (select s.run_id
     from stepwell.workflow_status s
     where s.owner is null and s.cancel_reason is not null and s.completed_at is null and s.status = 'WAITING'
     limit $1::integer)
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
