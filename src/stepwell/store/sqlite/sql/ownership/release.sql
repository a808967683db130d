-- Give a run back that lost nothing; its execution's epoch is over. Called by leave. Index: primary key.
UPDATE workflow_status SET status = 'ENQUEUED', reason = ?, owner = NULL, epoch = epoch + 1
WHERE run_id = ? AND epoch = ? AND status = 'PENDING'
