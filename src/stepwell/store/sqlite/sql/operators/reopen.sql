-- Let a run go on: ENQUEUED, under a new epoch, with nothing left of how it stood. Called by resume and rewind,
-- which have looked at its status in this transaction. If its parent has ended and stays so, it goes on for its own
-- sake, and is not asked to stop again. Index: primary key.
UPDATE workflow_status
SET status = 'ENQUEUED', epoch = epoch + 1, owner = NULL, recoveries = 0, reason = NULL, tried_hints = NULL,
    cancel_reason = NULL, cancel_requested_at = NULL, not_before = NULL, delayed = 0, expires_at = NULL,
    -- Another run has taken the key meanwhile: this one goes on without.
    dedup_key = CASE WHEN NOT EXISTS (SELECT 1 FROM workflow_status d
                                      WHERE d.namespace = workflow_status.namespace
                                        AND d.in_queue = workflow_status.in_queue
                                        AND d.dedup_key = workflow_status.dedup_key AND d.dedup_key IS NOT NULL
                                        AND d.current = 1 AND d.completed_at IS NULL
                                        AND d.run_id <> workflow_status.run_id)
                     THEN dedup_key END,
    parent_close = CASE WHEN parent_run_id IS NULL
                          OR EXISTS (SELECT 1 FROM workflow_status p
                                     WHERE p.run_id = workflow_status.parent_run_id AND p.completed_at IS NULL)
                        THEN parent_close ELSE 'abandon' END,
    deadline = CASE WHEN deadline > stepwell_clock() THEN deadline END,
    output = NULL, error = NULL, output_codec_id = NULL, completed_at = NULL
WHERE run_id = ? AND status <> 'PENDING'
