-- Runs whose owner has no executor row. The distinct owners are found by jumping along the index from one to
-- the next, so that a million owned runs cost as many probes as there are processes.
-- Called by reap_orphans. Index: workflow_status_owner.
WITH RECURSIVE owners (owner) AS (
    SELECT min(owner) FROM workflow_status WHERE owner IS NOT NULL
    UNION ALL
    SELECT (SELECT min(w.owner) FROM workflow_status w WHERE w.owner IS NOT NULL AND w.owner > owners.owner)
    FROM owners WHERE owners.owner IS NOT NULL)
SELECT w.run_id, w.epoch
FROM owners JOIN workflow_status w ON w.owner = owners.owner
WHERE NOT EXISTS (SELECT 1 FROM executors e WHERE e.incarnation = owners.owner)
LIMIT :limit
