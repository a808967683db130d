-- Keep a copy of one outcome, under the epoch that ends with it. Called by resume_failed, before steps/clear_one.
-- Index: primary key.
INSERT INTO archived_outcomes (
    run_id, archived_epoch, branch, seq, name, kind, ended, output, error, fingerprint, pos, epoch, attempts,
    child_run, codec_id, started_at, completed_at, archived_at)
SELECT o.run_id, w.epoch, o.branch, o.seq, o.name, o.kind, o.ended, o.output, o.error, o.fingerprint, o.pos, o.epoch,
       o.attempts, o.child_run, o.codec_id, o.completed_at - o.elapsed, o.completed_at, stepwell_clock()
FROM operation_outputs o JOIN workflow_status w ON w.run_id = o.run_id
WHERE o.run_id = ? AND o.branch = ? AND o.seq = ?
