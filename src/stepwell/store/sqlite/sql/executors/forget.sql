-- Remove the row of a dead process, last of all: only without runs left, its lease over, its beat unmoved.
-- Called by reap. Index: primary key, workflow_status_owner.
DELETE FROM executors
WHERE incarnation = :incarnation AND beat = :beat AND lease_until <= stepwell_clock()
  AND NOT EXISTS (SELECT 1 FROM workflow_status WHERE owner = :incarnation)
