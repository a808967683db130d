-- The messages of these runs and topics ('': without one) that no receive has consumed, the oldest of each pair.
-- Called by: unconsumed. Index: messages_waiting. Locks: nothing.
select m.run_id, m.key, nullif(m.topic, ''), m.body, m.codec_id, m.number
from unnest($1::uuid[], $2::text[]) as u (run_id, topic)
cross join lateral (
    select n.run_id, n.key, n.topic, n.body, n.codec_id, n.number
    from stepwell.messages n
    where n.run_id = u.run_id and n.topic = u.topic and n.consumed_seq is null
    order by n.number
    limit $3::integer
) m
order by m.run_id, m.number
