-- What a process owns. Called by its self-audit. Index: workflow_status_owner.
SELECT run_id, epoch FROM workflow_status WHERE owner = ? ORDER BY run_id
