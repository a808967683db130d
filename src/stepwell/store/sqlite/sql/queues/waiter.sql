-- A run that waits in a queue: where, and how many come before it (counted up to 1,000). Called by standing_in_queue.
-- Index: primary key, workflow_status_claim.
SELECT s.namespace, s.queue, s.in_partition,
       (SELECT count(*)
        FROM (SELECT 1 FROM workflow_status a INDEXED BY workflow_status_claim
              WHERE a.status = 'ENQUEUED' AND a.delayed = 0 AND a.namespace = s.namespace AND a.app = s.app
                AND a.in_queue = s.in_queue AND a.route = s.route AND a.in_partition = s.in_partition AND a.rank < s.rank
              LIMIT 1000))
FROM workflow_status s
WHERE s.run_id = ? AND s.status = 'ENQUEUED' AND s.queue IS NOT NULL
