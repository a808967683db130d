-- Runs of one dead process: its lease is over and its beat has not moved since it was observed.
-- Called by reap. Index: workflow_status_owner.
SELECT w.run_id, w.epoch
FROM executors e JOIN workflow_status w ON w.owner = e.incarnation
WHERE e.incarnation = :incarnation AND e.beat = :beat AND e.lease_until <= stepwell_clock()
LIMIT :limit
