-- A page of the runs of some workflows that have not ended and that nobody has asked to stop, of an app, up to an
-- instant. Called by live_runs. Index: workflow_status_unsuccessful, by status.
SELECT s.run_id
FROM workflow_status s
WHERE s.namespace = :namespace AND s.app = :app AND s.name IN (SELECT value FROM json_each(:names)) AND s.current = 1
  AND s.status IN ('ENQUEUED', 'PENDING', 'WAITING', 'BLOCKED', 'DEAD') AND s.status <> 'SUCCESS'
  AND s.completed_at IS NULL AND s.cancel_reason IS NULL AND (:until IS NULL OR s.created_at <= :until)
  AND (:after IS NULL OR s.run_id > :after)
ORDER BY s.run_id
LIMIT :limit
