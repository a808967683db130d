-- Inserts a message to the current run of an id, in the caller's own transaction: its run, whether that has ended, is
-- parked, whether the message was inserted, and whether it was there before. No row: no run has the id.
-- Called by: send with conn=. Index: workflow_status_id, messages_pkey.
-- Locks: the run FOR SHARE until the caller's transaction ends, so that it neither ends nor parks unseen; then the new
-- row, waiting for whoever inserts the same key.
with wanted as materialized (
    select d.*
    from json_to_record($1::text::json)
         as d (namespace text, workflow_id text, key text, topic text, body text, codec_id text, sender_run uuid,
               reply_to text)
), destination as materialized (
    select s.run_id, s.completed_at is not null as ended, s.status = 'WAITING' as parked
    from stepwell.workflow_status s
    where s.run_id = (select c.run_id
                      from wanted w
                      join stepwell.workflow_status c
                        on c.namespace = w.namespace and c.workflow_id = w.workflow_id and c.current)
    for share
), written as (
    insert into stepwell.messages (run_id, key, topic, body, codec_id, sender_run, reply_to)
    select d.run_id, w.key, w.topic, w.body, w.codec_id, w.sender_run, w.reply_to
    from destination d cross join wanted w
    where not d.ended
    on conflict (run_id, key) do nothing
    returning true
)
select d.run_id::text, d.ended, d.parked, exists (select from written),
       exists (select from stepwell.messages m where m.run_id = d.run_id and m.key = w.key)
from destination d cross join wanted w
