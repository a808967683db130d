-- The same for one row that may be there already: then the row count is 0. Called by the careful commit.
-- Index: primary key.
INSERT INTO operation_outputs (
    run_id, branch, seq, name, kind, ended, output, error, fingerprint, pos, epoch, attempts, child_run, codec_id,
    elapsed, completed_at)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, stepwell_clock())
ON CONFLICT (run_id, branch, seq) DO NOTHING
