-- Remove an intent with its outcome. Called by the group commit. Index: primary key.
DELETE FROM operation_intents WHERE run_id = ? AND branch = ? AND seq = ?
