-- How many runs each process owns, counted up to a limit.
-- Called by vitals. Index: workflow_status_owner.
SELECT e.incarnation, (SELECT count(*) FROM (SELECT 1 FROM workflow_status w WHERE w.owner = e.incarnation LIMIT :limit))
FROM executors e
