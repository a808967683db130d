-- All processes of this schema.
-- Called by: executors. Index: none, the table is small. Locks: nothing.
select e.incarnation, e.label, e.namespace, e.app, e.beat, extract(epoch from e.lease_until)::double precision,
       e.lease_until <= stepwell.clock(), e.draining, e.serves, e.queues, extract(epoch from e.started_at)::double precision
from stepwell.executors e
order by e.started_at
