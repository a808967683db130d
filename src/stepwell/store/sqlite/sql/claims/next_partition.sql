-- The partition after one, among those of which runs of one queue and route wait.
-- Called by claim, once per partition. Index: workflow_status_claim, one probe.
SELECT in_partition FROM workflow_status INDEXED BY workflow_status_claim
WHERE status = 'ENQUEUED' AND delayed = 0 AND namespace = :namespace AND app = :app AND in_queue = :queue
  AND route = :route AND in_partition > :partition
ORDER BY in_partition
LIMIT 1
