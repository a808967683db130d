-- Whether runs of one queue and route wait that have no partition. Called by claim. Index: workflow_status_claim.
SELECT 1 FROM workflow_status INDEXED BY workflow_status_claim
WHERE status = 'ENQUEUED' AND delayed = 0 AND namespace = :namespace AND app = :app AND in_queue = :queue
  AND route = :route AND in_partition = ''
LIMIT 1
