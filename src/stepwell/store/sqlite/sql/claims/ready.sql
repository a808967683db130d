-- The first runs of one queue, route and partition that wait, by rank. Called by claim. Index: workflow_status_claim.
SELECT rank, rowid FROM workflow_status INDEXED BY workflow_status_claim
WHERE status = 'ENQUEUED' AND delayed = 0 AND namespace = :namespace AND app = :app AND in_queue = :queue
  AND route = :route AND in_partition = :partition
ORDER BY rank
LIMIT :limit
