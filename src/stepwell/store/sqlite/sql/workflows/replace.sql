-- Take the id from a current run that has ended. Called by starts with on_conflict="replace".
-- No row: it has not ended. Index: primary key.
UPDATE workflow_status SET current = 0 WHERE run_id = ? AND current = 1 AND completed_at IS NOT NULL
