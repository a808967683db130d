-- Park a run; its waits follow in the same transaction. Called by leave. Index: primary key.
UPDATE workflow_status SET status = 'WAITING', reason = ?, owner = NULL
WHERE run_id = ? AND epoch = ? AND status = 'PENDING'
