-- The recorded end of a run; no row while it has none. Called by waiters. Index: primary key.
SELECT status, output, error, reason, output_codec_id
FROM workflow_status WHERE run_id = ? AND completed_at IS NOT NULL
