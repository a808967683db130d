-- Those of these events that are set.
-- Called by: events. Index: events_pkey. Locks: nothing.
select e.run_id, e.key, e.value, e.codec_id, extract(epoch from e.set_at)::double precision
from unnest($1::uuid[], $2::text[]) as u (run_id, key)
cross join lateral (
    select v.* from stepwell.events v where v.run_id = u.run_id and v.key = u.key limit 1
) e
