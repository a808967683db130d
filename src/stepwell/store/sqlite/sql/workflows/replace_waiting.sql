-- Ends a run that holds a dedup key and has not started. Called by starts with on_conflict="replace".
-- No row: it has started. Index: primary key.
UPDATE workflow_status
SET status = 'CANCELLED', reason = 'replaced', cancel_reason = coalesce(cancel_reason, 'replaced'), delayed = 0,
    completed_at = stepwell_clock()
WHERE run_id = ? AND status = 'ENQUEUED' AND started_at IS NULL
