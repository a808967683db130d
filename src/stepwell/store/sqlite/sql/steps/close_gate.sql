-- Take its place from the child that was started at one place, so that a new one may start there.
-- Called by resume_failed. Index: workflow_status_gate.
UPDATE workflow_status SET current = 0
WHERE parent_run_id = ? AND parent_branch = ? AND parent_seq = ? AND current = 1
