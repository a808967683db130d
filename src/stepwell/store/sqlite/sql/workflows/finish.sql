-- The outcome of a run, under the fence. Called by the group commit; the row count is the verdict.
-- Index: primary key.
UPDATE workflow_status
SET status = ?, output = ?, error = ?, reason = ?, output_codec_id = ?, owner = NULL, completed_at = stepwell_clock()
WHERE run_id = ? AND epoch = ? AND status = 'PENDING'
