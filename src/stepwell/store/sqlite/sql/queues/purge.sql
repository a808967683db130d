-- Ends runs of a queue that wait and never started, the oldest first. Called by purge_queue.
-- Index: workflow_status_queued.
UPDATE workflow_status
SET status = 'CANCELLED', reason = 'purged', cancel_reason = coalesce(cancel_reason, 'purged'), delayed = 0,
    completed_at = stepwell_clock()
WHERE rowid IN (
    SELECT rowid FROM workflow_status INDEXED BY workflow_status_queued
    WHERE status = 'ENQUEUED' AND namespace = :namespace AND queue = :queue AND started_at IS NULL
    ORDER BY created_at
    LIMIT :limit)
RETURNING run_id
