-- The fence: no row unless this execution still owns the run; else its pending cancellation, and the database's clock.
-- Called by the group commit, once per run, inside the transaction that writes. Index: primary key.
SELECT cancel_reason, stepwell_clock() FROM workflow_status WHERE run_id = ? AND epoch = ? AND status = 'PENDING'
