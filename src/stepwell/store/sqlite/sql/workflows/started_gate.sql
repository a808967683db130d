-- The child that holds a place in its parent now. Called by starts of children. Index: workflow_status_gate.
SELECT run_id, workflow_id, name, input_digest, status, deadline
FROM workflow_status WHERE parent_run_id = ? AND parent_branch = ? AND parent_seq = ? AND current = 1
