-- Parked runs' waits for an event below a number, a page. Called by: event_waits. Index: waits_published, then primary
-- keys. Locks: nothing.
select w.run_id, w.branch, w.seq, w.key, w.position, w.filter
from stepwell.waits w
where w.kind = 'published' and w.key = $2::text and w.position < $3::bigint
  and ($4::uuid is null or (w.run_id, w.branch, w.seq) > ($4::uuid, $5::text, $6::integer))
  and (select s.namespace from stepwell.workflow_status s where s.run_id = w.run_id) = $1::text
order by w.run_id, w.branch, w.seq
limit $7::integer
