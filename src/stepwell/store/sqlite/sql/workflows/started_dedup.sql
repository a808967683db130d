-- The run of a queue ('': none) that has a dedup key and has not ended. Called by starts whose insert found a key taken.
-- Index: workflow_status_dedup.
SELECT run_id, workflow_id, name, input_digest, status, deadline
FROM workflow_status
WHERE namespace = ? AND in_queue = ? AND dedup_key = ? AND current = 1 AND completed_at IS NULL
