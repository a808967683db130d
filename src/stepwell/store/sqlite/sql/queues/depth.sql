-- How many of a queue's runs are ready and how many delayed, and the start of the oldest, counted up to a limit.
-- Called by queues. Index: workflow_status_queued.
SELECT coalesce(sum(delayed = 0), 0), coalesce(sum(delayed = 1), 0), min(created_at) FROM (
    SELECT delayed, created_at FROM workflow_status INDEXED BY workflow_status_queued
    WHERE status = 'ENQUEUED' AND namespace = :namespace AND queue = :queue
    ORDER BY created_at
    LIMIT :limit)
