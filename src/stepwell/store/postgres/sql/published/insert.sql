-- Inserts events that are not there yet, in the order of the arrays; returns those that it inserted.
-- Called by: announce, after published/take_turns in the same transaction: only then may numbers be drawn.
-- Index: primary key. Locks: the new rows; waits for who publishes the same id under another name.
insert into stepwell.published_events (namespace, event, id, payload, codec_id, cancelling)
select $1::text, u.event, u.id, u.payload, u.codec_id, u.cancelling
from unnest($2::text[], $3::text[], $4::text[], $5::text[], $6::boolean[])
     with ordinality as u (event, id, payload, codec_id, cancelling, ordinal)
order by u.ordinal
on conflict (namespace, id) do nothing
returning id
