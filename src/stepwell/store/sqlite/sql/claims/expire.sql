-- Ends runs that have not started by the moment until which that made sense. Called by claim.
-- Index: workflow_status_expiry.
UPDATE workflow_status
SET status = 'CANCELLED', reason = 'expired', cancel_reason = coalesce(cancel_reason, 'expired'), delayed = 0,
    completed_at = stepwell_clock()
WHERE rowid IN (
    SELECT rowid FROM workflow_status INDEXED BY workflow_status_expiry
    WHERE expires_at <= (SELECT stepwell_clock()) AND status = 'ENQUEUED' AND started_at IS NULL
    ORDER BY expires_at
    LIMIT ?)
