-- Parked runs' waits for an event below a number, a page. Called by event_waits. Index: waits_published, primary keys.
SELECT w.run_id, w.branch, w.seq, w.key, w.position, w.filter
FROM waits w
WHERE w.kind = 'published' AND w.key = :event AND w.position < :below
  AND (:run_id IS NULL OR (w.run_id, w.branch, w.seq) > (:run_id, :branch, :seq))
  AND (SELECT s.namespace FROM workflow_status s WHERE s.run_id = w.run_id) = :namespace
ORDER BY w.run_id, w.branch, w.seq
LIMIT :limit
