-- Record outcomes whose fence was read in this transaction. Called by the fast commit: a key that is taken
-- raises, and the careful commit explains it. Index: primary key.
INSERT INTO operation_outputs (
    run_id, branch, seq, name, kind, ended, output, error, fingerprint, pos, epoch, attempts, child_run, codec_id,
    elapsed, completed_at)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, stepwell_clock())
