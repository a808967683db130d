-- Whose turn it is to fire schedules: nobody else can while this transaction goes on; no row where somebody has been.
-- Called by: fire, first. Index: primary key. Locks: those rows FOR NO KEY UPDATE, in the order of their names.
select s.name, s.app
from unnest($2::text[], $3::bigint[]) as u (name, revision)
join stepwell.schedules s on s.namespace = $1::text and s.name = u.name and s.revision = u.revision
order by s.name
for no key update of s
