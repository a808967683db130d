-- Record outcomes whose fence was read in this transaction. Called by the fast commit: a key that is taken
-- raises, and the careful commit explains it. The last value is the database's clock, read with the fence: as a
-- function it would be called for every row. Index: primary key.
INSERT INTO operation_outputs (
    run_id, branch, seq, name, kind, ended, output, error, fingerprint, pos, epoch, attempts, child_run, codec_id,
    elapsed, completed_at)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
