-- Park a run; its waits follow in the same transaction. With a cancellation pending it is released instead: the request
-- may have come when the execution did not look any more. Called by leave. Index: primary key.
UPDATE workflow_status SET status = CASE WHEN cancel_reason IS NULL THEN 'WAITING' ELSE 'ENQUEUED' END,
    epoch = epoch + (cancel_reason IS NOT NULL), reason = ?, owner = NULL
WHERE run_id = ? AND epoch = ? AND status = 'PENDING'
