-- Whether this execution owns the run: a row if it does.
-- Called by: owns (before the COMMIT in another database). Index: primary key of workflow_status.
SELECT 1 FROM workflow_status WHERE run_id = ? AND epoch = ? AND status = 'PENDING'
