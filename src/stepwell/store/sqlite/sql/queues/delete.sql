-- Removes a queue's row unless runs of it wait, run or are to go on. The buckets of its rates go when their period is
-- over. Called by delete_queue. Index: primary key, workflow_status_queued, workflow_status_running, workflow_status_kept.
DELETE FROM queues
WHERE namespace = :namespace AND name = :queue
  AND NOT EXISTS (SELECT 1 FROM workflow_status INDEXED BY workflow_status_queued
                  WHERE status = 'ENQUEUED' AND namespace = :namespace AND queue = :queue)
  AND NOT EXISTS (SELECT 1 FROM workflow_status INDEXED BY workflow_status_running
                  WHERE status = 'PENDING' AND namespace = :namespace AND queue = :queue)
  AND NOT EXISTS (SELECT 1 FROM workflow_status INDEXED BY workflow_status_kept
                  WHERE queue IS NOT NULL AND started_at IS NOT NULL AND owner IS NULL AND completed_at IS NULL
                    AND namespace = :namespace AND queue = :queue AND status IN ('WAITING', 'BLOCKED'))
