-- All outcomes of a run in the order of their delivery. Called by claims. Index: primary key.
SELECT branch, seq, name, kind, ended, output, error, fingerprint, pos, epoch, attempts, child_run, codec_id,
       completed_at
FROM operation_outputs WHERE run_id = ?
ORDER BY pos, branch, seq
