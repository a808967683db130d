-- Whether a message is there: of a run that has ended since. Called by send. Index: the unique key (run_id, key).
SELECT 1 FROM messages WHERE run_id = ? AND key = ?
