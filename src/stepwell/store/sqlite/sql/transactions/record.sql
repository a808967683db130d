-- The checkpoint of a user's transaction, in that transaction, if this execution still owns the run; a key that is taken
-- leaves it out. Called by: @transaction, last before COMMIT. Index: primary keys.
INSERT INTO operation_outputs (
    run_id, branch, seq, name, kind, ended, output, error, fingerprint, pos, epoch, attempts, child_run, codec_id,
    elapsed, completed_at)
SELECT :run_id, :branch, :seq, :name, :kind, :ended, :output, :error, :fingerprint, :pos, :epoch, :attempts, NULL,
       :codec_id, :elapsed, :now
WHERE EXISTS (SELECT 1 FROM workflow_status WHERE run_id = :run_id AND epoch = :epoch AND status = 'PENDING')
ON CONFLICT (run_id, branch, seq) DO NOTHING
RETURNING 1
