-- Events by their ids, new or not. Called by: announce, after published/insert. Index: primary key. Locks: nothing.
select e.id, e.number, extract(epoch from e.published_at)::double precision, e.cancelling
from stepwell.published_events e
where e.namespace = $1::text and e.id = any ($2::text[])
