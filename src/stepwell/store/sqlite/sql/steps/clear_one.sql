-- Remove one outcome. Called by resume_failed, after steps/archive_one. Index: primary key.
DELETE FROM operation_outputs WHERE run_id = ? AND branch = ? AND seq = ?
