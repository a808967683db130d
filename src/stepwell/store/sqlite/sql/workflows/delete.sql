-- Remove an ended run; a trigger removes all that belongs to it. Called by delete. Index: primary key.
DELETE FROM workflow_status WHERE run_id = ? AND completed_at IS NOT NULL
