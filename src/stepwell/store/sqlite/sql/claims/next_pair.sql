-- The next pair of queue ('': none) and route of which runs wait, and whether some of them have a partition.
-- Called by claim, once per pair. Index: workflow_status_claim, a probe for the queue's next route, or else the next queue:
-- a comparison of both columns at once would read all runs of the pair before.
SELECT n.in_queue, n.route,
       EXISTS (SELECT 1 FROM workflow_status p INDEXED BY workflow_status_claim
               WHERE p.status = 'ENQUEUED' AND p.delayed = 0 AND p.namespace = :namespace AND p.app = :app
                 AND p.in_queue = n.in_queue AND p.route = n.route AND p.in_partition > '')
FROM (
    SELECT * FROM (
        SELECT in_queue, route FROM workflow_status INDEXED BY workflow_status_claim
        WHERE status = 'ENQUEUED' AND delayed = 0 AND namespace = :namespace AND app = :app
          AND in_queue = :queue AND route > :route
        ORDER BY route
        LIMIT 1)
    UNION ALL
    SELECT * FROM (
        SELECT in_queue, route FROM workflow_status INDEXED BY workflow_status_claim
        WHERE status = 'ENQUEUED' AND delayed = 0 AND namespace = :namespace AND app = :app
          AND in_queue > :queue
        ORDER BY in_queue, route
        LIMIT 1)
    LIMIT 1) n
