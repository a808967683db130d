-- Let the place of one archived outcome publish again. Called by resume_failed. Index: primary key.
DELETE FROM publications WHERE run_id = ? AND branch = ? AND seq = ?
