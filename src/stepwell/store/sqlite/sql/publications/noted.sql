-- Whether a place has published a key before. Called by publish. Index: primary key.
SELECT 1 FROM publications WHERE run_id = ? AND branch = ? AND seq = ? AND kind = ? AND key = ?
