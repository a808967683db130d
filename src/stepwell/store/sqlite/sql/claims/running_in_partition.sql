-- How many runs of one partition of a queue are owned, counted up to a limit. Called by claim.
-- Index: workflow_status_running.
SELECT count(*) FROM (
    SELECT 1 FROM workflow_status INDEXED BY workflow_status_running
    WHERE status = 'PENDING' AND namespace = :namespace AND queue = :queue AND partition_key = :partition
    LIMIT :limit)
