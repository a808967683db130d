-- Queues with a row, or with runs that wait or run; the latter up to 1,000 each, by one probe per queue.
-- Called by queues. Index: primary key of queues, workflow_status_queued, workflow_status_running.
WITH RECURSIVE waiting (name) AS (
    SELECT min(queue) FROM workflow_status WHERE status = 'ENQUEUED' AND queue IS NOT NULL AND namespace = :namespace
    UNION ALL
    SELECT (SELECT min(w.queue) FROM workflow_status w
            WHERE w.status = 'ENQUEUED' AND w.queue IS NOT NULL AND w.namespace = :namespace AND w.queue > waiting.name)
    FROM waiting WHERE waiting.name IS NOT NULL
    LIMIT 1000),
executing (name) AS (
    SELECT min(queue) FROM workflow_status WHERE status = 'PENDING' AND queue IS NOT NULL AND namespace = :namespace
    UNION ALL
    SELECT (SELECT min(w.queue) FROM workflow_status w
            WHERE w.status = 'PENDING' AND w.queue IS NOT NULL AND w.namespace = :namespace AND w.queue > executing.name)
    FROM executing WHERE executing.name IS NOT NULL
    LIMIT 1000)
SELECT name FROM queues WHERE namespace = :namespace
UNION
SELECT name FROM waiting WHERE name IS NOT NULL
UNION
SELECT name FROM executing WHERE name IS NOT NULL
ORDER BY 1
