-- Keep a copy of the outcome of a run that is about to go on: kind 'run', seq -1. Nothing if it has none.
-- Called by resume and rewind. Index: primary key.
INSERT INTO archived_outcomes (
    run_id, archived_epoch, branch, seq, name, kind, ended, reason, output, error, epoch, attempts, codec_id,
    started_at, completed_at, archived_at)
SELECT run_id, epoch, '', -1, name, 'run', status, reason, output, error, epoch, attempts, output_codec_id,
       started_at, completed_at, stepwell_clock()
FROM workflow_status WHERE run_id = ? AND completed_at IS NOT NULL
