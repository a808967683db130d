-- As claims/ready, those only that have never run: what has is taken by claims/resumed.
-- Called by claim, for queues with limits. Index: workflow_status_claim.
SELECT rank, rowid FROM workflow_status INDEXED BY workflow_status_claim
WHERE status = 'ENQUEUED' AND delayed = 0 AND namespace = :namespace AND app = :app AND in_queue = :queue
  AND route = :route AND in_partition = :partition AND started_at IS NULL
ORDER BY rank
LIMIT :limit
