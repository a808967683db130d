-- The entries of streams from a number on, each with the ordinal of what it answers.
-- Called by: streams. Index: streams_pkey. Locks: nothing: a publisher commits entries whose predecessors are there.
select u.ordinal, e.number, e.value, e.codec_id, extract(epoch from e.written_at)::double precision
from unnest($1::uuid[], $2::text[], $3::integer[]) with ordinality as u (run_id, key, start, ordinal)
cross join lateral (
    select s.number, s.value, s.codec_id, s.written_at
    from stepwell.streams s
    where s.run_id = u.run_id and s.key = u.key and s.number >= u.start
    order by s.number
    limit $4::integer
) e
order by u.ordinal, e.number
