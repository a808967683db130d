-- What is recorded at a key, to compare with what was sent. Called by the careful commit. Index: primary key.
SELECT epoch, name, kind, ended, output, error, fingerprint, pos, child_run
FROM operation_outputs WHERE run_id = ? AND branch = ? AND seq = ?
