-- Inserts messages to the current runs of ids; returns how each met its destination, by ordinal: (run, has it ended,
-- is it parked, was the message inserted). No row: no run has that id at the moment.
-- Called by: send, in a transaction. Index: workflow_status_id once per id, then the primary keys.
-- Locks: the destinations FOR SHARE in the order of run_id, so that they neither end nor park unseen; then the new
-- rows, waiting for whoever inserts the same key. In the order of the arrays per destination: so they are numbered.
with wanted as materialized (
    select u.*
    from unnest($2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::uuid[], $8::text[])
         with ordinality as u (workflow_id, key, topic, body, codec_id, sender_run, reply_to, ordinal)
), destination as materialized (
    select s.run_id, s.workflow_id, s.completed_at is not null as ended, s.status = 'WAITING' as parked
    from stepwell.workflow_status s
    where s.run_id = any (array(
              select (select d.run_id from stepwell.workflow_status d
                      where d.namespace = $1::text and d.workflow_id = i.workflow_id and d.current)
              from (select distinct n.workflow_id from wanted n) i))
      and s.current
    order by s.run_id
    for share
), written as (
    insert into stepwell.messages (run_id, key, topic, body, codec_id, sender_run, reply_to)
    select d.run_id, w.key, w.topic, w.body, w.codec_id, w.sender_run, w.reply_to
    from wanted w join destination d using (workflow_id)
    where not d.ended
    order by d.run_id, w.ordinal
    on conflict (run_id, key) do nothing
    returning run_id, key
), first as (
    select min(w.ordinal) as ordinal
    from wanted w join destination d using (workflow_id) join written n on n.run_id = d.run_id and n.key = w.key
    group by n.run_id, n.key
)
select w.ordinal, d.run_id, d.ended, d.parked, f.ordinal is not null as inserted
from wanted w join destination d using (workflow_id) left join first f on f.ordinal = w.ordinal
