-- For each (event, number) the events of that name above it. Called by: events_above. Index: published_events_order.
-- Locks: nothing.
select u.ordinal, e.event, e.number, e.id, e.payload, e.codec_id, e.published_at
from unnest($2::text[], $3::bigint[]) with ordinality as u (event, number, ordinal)
cross join lateral (
    select p.event, p.number, p.id, p.payload, p.codec_id, extract(epoch from p.published_at)::double precision as published_at
    from stepwell.published_events p
    where p.namespace = $1::text and p.event = u.event and p.number > u.number
    order by p.number
    limit $4::integer
) e
order by u.ordinal, e.number
