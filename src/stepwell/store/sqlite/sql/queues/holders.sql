-- Some runs that fill a queue, or one partition of it. Called by standing_in_queue. Index: workflow_status_running.
SELECT workflow_id FROM workflow_status INDEXED BY workflow_status_running
WHERE status = 'PENDING' AND namespace = :namespace AND queue = :queue
  AND (:partition IS NULL OR partition_key = :partition)
LIMIT 5
