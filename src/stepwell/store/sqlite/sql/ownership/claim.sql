-- Take ENQUEUED runs that this process serves, by priority, then age; the epoch names the new execution.
-- Called by the dispatcher. Index: workflow_status_claim, which holds all that is filtered on.
UPDATE workflow_status
SET status = 'PENDING', owner = :incarnation, epoch = epoch + 1, attempts = attempts + 1, reason = NULL,
    started_at = coalesce(started_at, stepwell_clock())
WHERE rowid IN (
    SELECT rowid FROM workflow_status
    WHERE status = 'ENQUEUED' AND app = :app AND namespace = :namespace
      AND route IN (SELECT value FROM json_each(:routes))
      AND (queue IS NULL OR queue IN (SELECT value FROM json_each(:queues)))
      AND (not_before IS NULL OR not_before <= (SELECT stepwell_clock()))
    ORDER BY priority, created_at, rowid
    LIMIT :limit)
RETURNING run_id, workflow_id, epoch, name, version, instance, input, codec_id, attempts, deadline, cancel_reason,
          (SELECT attributes FROM workflow_attributes a WHERE a.run_id = workflow_status.run_id),
          parent_run_id, parent_branch, parent_seq, root_run_id, created_at, stepwell_clock(), engine_format, priority, rowid
