-- Whoever publishes events of one name does it one transaction after the other, so that numbers become visible in order.
-- Called by: announce, first in its transaction. Index: none. Locks: advisory ones, of the transaction, in their order.
select pg_advisory_xact_lock(l.name)
from (select distinct hashtextextended('stepwell published ' || $1::text || chr(1) || $2::text || chr(1) || u.event, 0) as name
      from unnest($3::text[]) as u (event)
      order by 1) l
