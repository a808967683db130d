-- The run that holds an id now. Called by starts whose insert found a key taken. Index: workflow_status_id.
SELECT run_id, workflow_id, name, input_digest, status, deadline
FROM workflow_status WHERE namespace = ? AND workflow_id = ? AND current = 1
