-- The intent at a key, to compare with what was sent. Called by the group commit. Index: primary key.
SELECT epoch, kind, name, attempt, due, stepwell_clock()
FROM operation_intents WHERE run_id = ? AND branch = ? AND seq = ?
