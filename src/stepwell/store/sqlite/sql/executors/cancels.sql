-- Pending cancellations of the runs of one process. Called by cancels and every heartbeat.
-- Index: workflow_status_cancel.
SELECT run_id, cancel_reason FROM workflow_status
WHERE status = 'PENDING' AND owner = ? AND cancel_reason IS NOT NULL AND completed_at IS NULL
