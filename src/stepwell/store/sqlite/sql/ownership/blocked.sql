-- BLOCKED runs of a route that were not yet tried with this code. Called by retry_blocked.
-- Index: workflow_status_blocked.
UPDATE workflow_status SET status = 'ENQUEUED', reason = NULL
WHERE rowid IN (
    SELECT rowid FROM workflow_status INDEXED BY workflow_status_blocked
    WHERE status = 'BLOCKED' AND route = :route AND app = :app AND namespace = :namespace
      AND (tried_hints IS NULL OR NOT EXISTS (SELECT 1 FROM json_each(tried_hints) WHERE value = :hint))
    LIMIT :limit)
