-- Runs of one queue and route that have run before and wait to go on, by rank.
-- Called by claim, for queues with limits. Index: workflow_status_resumed.
SELECT rank, rowid, in_partition FROM workflow_status INDEXED BY workflow_status_resumed
WHERE status = 'ENQUEUED' AND delayed = 0 AND queue IS NOT NULL AND started_at IS NOT NULL
  AND namespace = :namespace AND app = :app AND in_queue = :queue AND route = :route
ORDER BY rank
LIMIT :limit
