-- A parked run may go on. Called by wake and wake_waiters_of. Index: primary key.
UPDATE workflow_status SET status = 'ENQUEUED', reason = NULL WHERE run_id = ? AND status = 'WAITING'
