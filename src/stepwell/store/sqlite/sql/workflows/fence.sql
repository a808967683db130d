-- The fence: no row unless this execution still owns the run; else its pending cancellation.
-- Called once per run and batch, inside the transaction that writes. Index: primary key.
SELECT cancel_reason FROM workflow_status WHERE run_id = ? AND epoch = ? AND status = 'PENDING'
