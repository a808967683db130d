-- Makes chosen runs a process's own; the epoch names the new execution. Called by claim. Index: rowid.
-- They start at the instant at which the claim has counted them for the rates.
UPDATE workflow_status
SET status = 'PENDING', owner = :owner, epoch = epoch + 1, attempts = attempts + 1, reason = NULL,
    started_at = coalesce(started_at, :now)
WHERE rowid IN (SELECT value FROM json_each(:rows))
RETURNING run_id, workflow_id, epoch, name, version, instance, input, codec_id, attempts, deadline, cancel_reason,
          (SELECT attributes FROM workflow_attributes a WHERE a.run_id = workflow_status.run_id),
          parent_run_id, parent_branch, parent_seq, root_run_id, created_at, stepwell_clock(), engine_format, in_queue,
          rank, rowid
