-- The run that has an id now, whether it has ended, whether it is parked. Called by send. Index: workflow_status_id.
SELECT run_id, completed_at IS NOT NULL, status = 'WAITING'
FROM workflow_status WHERE namespace = ? AND workflow_id = ? AND current = 1
