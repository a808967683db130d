-- Moves schedules along their timetables, with what became of the ticks that are passed.
-- Called by: fire, last. Index: primary key. Locks: those rows, which `hold` has locked.
update stepwell.schedules s
set next_fire = to_timestamp(u.next_fire),
    last_fire = coalesce(to_timestamp(u.fired), s.last_fire),
    last_run = coalesce(u.run_id, s.last_run),
    last_skipped = coalesce(to_timestamp(u.skipped), s.last_skipped),
    revision = s.revision + 1, updated_at = stepwell.clock()
from unnest($2::text[], $3::double precision[], $4::double precision[], $5::uuid[], $6::double precision[])
     as u (name, next_fire, fired, run_id, skipped)
where s.namespace = $1::text and s.name = u.name
