-- Puts a run back to ENQUEUED that is parked on a message of this topic: it goes on when the caller's transaction is
-- committed. The same as in send_message. Returns it.
-- Called by: send with conn=, after transactions/send met a parked run. Index: primary keys.
-- Locks: that run; passed over if another sender holds it too: then whoever looks next finds the message.
with ripe as materialized (
    select d.run_id
    from json_to_record($1::text::json) as d (run_id uuid, topic text)
    where exists (select from stepwell.waits p
                  where p.run_id = d.run_id and p.kind = 'message' and p.topic = d.topic)
), woken as (
    update stepwell.workflow_status w
    set status = 'ENQUEUED'
    where w.ctid = any (array(
        select s.ctid
        from stepwell.workflow_status s
        where s.run_id = any (array(select r.run_id from ripe r)) and s.status = 'WAITING'
        for no key update skip locked))
    returning w.run_id
), gone as (
    delete from stepwell.waits where run_id = any (array(select k.run_id from woken k))
)
select k.run_id::text from woken k
