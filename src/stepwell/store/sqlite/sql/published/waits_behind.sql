-- Parked runs' waits with a filter that have not seen all events. Called by event_waits_behind.
-- Index: waits_published, primary keys, published_events_order.
SELECT w.run_id, w.branch, w.seq, w.key, w.position, w.filter
FROM waits w
WHERE w.kind = 'published' AND w.filter IS NOT NULL
  AND (SELECT s.namespace FROM workflow_status s WHERE s.run_id = w.run_id) = :namespace
  AND EXISTS (SELECT 1 FROM published_events e
              WHERE e.namespace = :namespace AND e.event = w.key AND e.number > w.position)
ORDER BY w.run_id, w.branch, w.seq
LIMIT :limit
