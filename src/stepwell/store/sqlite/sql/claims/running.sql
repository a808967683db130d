-- How many of a queue's runs are owned, counted up to a limit. Called by claim, queues. Index: workflow_status_running.
SELECT count(*) FROM (
    SELECT 1 FROM workflow_status INDEXED BY workflow_status_running
    WHERE status = 'PENDING' AND namespace = :namespace AND queue = :queue
    LIMIT :limit)
