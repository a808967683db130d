-- Copy the outcomes before a pos into a forked run, as of epoch 0: recorded before its first execution.
-- Called by fork. Index: primary key.
INSERT INTO operation_outputs (
    run_id, branch, seq, name, kind, ended, output, error, fingerprint, pos, epoch, attempts, child_run, codec_id,
    elapsed, completed_at)
SELECT :into, branch, seq, name, kind, ended, output, error, fingerprint, pos, 0, attempts, child_run, codec_id,
       elapsed, completed_at
FROM operation_outputs WHERE run_id = :run_id AND pos < :pos
