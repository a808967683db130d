-- Some runs that fill a queue, or one partition of it: owned ones, and in queues whose runs keep their places also others
-- that have begun. Called by standing_in_queue. Index: workflow_status_running, workflow_status_kept.
SELECT workflow_id FROM (
    SELECT workflow_id, partition_key FROM workflow_status INDEXED BY workflow_status_running
    WHERE status = 'PENDING' AND namespace = :namespace AND queue = :queue
    UNION ALL
    SELECT workflow_id, partition_key FROM workflow_status INDEXED BY workflow_status_kept
    WHERE queue IS NOT NULL AND started_at IS NOT NULL AND owner IS NULL AND completed_at IS NULL
      AND :keep_place AND namespace = :namespace AND queue = :queue)
WHERE :partition IS NULL OR partition_key = :partition
LIMIT 5
