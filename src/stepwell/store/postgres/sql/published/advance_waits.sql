-- Moves waits for events up: those below do not concern them. Called by: advance_event_waits. Index: primary key.
-- Locks: those rows.
update stepwell.waits w
set position = u.position
from unnest($1::uuid[], $2::text[], $3::integer[], $4::bigint[]) as u (run_id, branch, seq, position)
where w.run_id = u.run_id and w.branch = u.branch and w.seq = u.seq and w.kind = 'published' and w.position < u.position
