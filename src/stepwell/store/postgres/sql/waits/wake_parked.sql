-- Puts those of these runs back to ENQUEUED that are parked on what is there already: see waits/wake_ripe.
-- Called by: wake_parked, after leave; send, after its commit. Index: primary keys, messages_waiting,
-- published_events_order.
-- Locks: those runs in the order of run_id, passing over locked ones (who holds them looks too, or the sweep).
with ripe as materialized (
    select r.run_id
    from unnest($1::uuid[]) as r (run_id)
    where (select s.cancel_reason is not null from stepwell.workflow_status s where s.run_id = r.run_id)
       or (select true
           from stepwell.waits w
           where w.run_id = r.run_id
             and (w.wake_at <= (select stepwell.clock())
                  or (w.target_run is not null
                      and (select t.completed_at is null from stepwell.workflow_status t
                           where t.run_id = w.target_run) is not true)
                  or case w.kind
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
                              (select p.number from stepwell.published_events p
                               where p.namespace = (select n.namespace from stepwell.workflow_status n
                                                    where n.run_id = w.run_id)
                                 and p.event = w.key
                               order by p.number desc
                               limit 1) > w.position
                      end)
           limit 1)
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
select k.run_id from woken k
