-- How many runs keep their places in a queue without being owned, counted up to a limit; of one partition, or of all.
-- Called by claim, standing_in_queue. Index: workflow_status_kept.
SELECT count(*) FROM (
    SELECT 1 FROM workflow_status INDEXED BY workflow_status_kept
    WHERE queue IS NOT NULL AND started_at IS NOT NULL AND owner IS NULL AND completed_at IS NULL
      AND namespace = :namespace AND queue = :queue AND (:partition IS NULL OR partition_key = :partition)
    LIMIT :limit)
