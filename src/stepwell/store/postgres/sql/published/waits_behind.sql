-- Parked runs' waits with a filter that have not seen all events. Called by: event_waits_behind.
-- Index: waits_published, primary keys, published_events_order. Locks: nothing.
select w.run_id, w.branch, w.seq, w.key, w.position, w.filter
from stepwell.waits w
where w.kind = 'published' and w.filter is not null
  and (select s.namespace from stepwell.workflow_status s where s.run_id = w.run_id) = $1::text
  and (select e.number from stepwell.published_events e
       where e.namespace = $1::text and e.event = w.key
       order by e.number desc
       limit 1) > w.position
order by w.run_id, w.branch, w.seq
limit $2::integer
