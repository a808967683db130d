-- Give a run that waits, and has not started, another input and another delay.
-- Called by debounce. Index: workflow_status_dedup.
UPDATE workflow_status
SET input = :input, input_digest = :input_digest, codec_id = :codec_id,
    not_before = min(stepwell_clock() + :delay, coalesce(created_at + :limit, stepwell_clock() + :delay)),
    delayed = min(:delay, coalesce(created_at + :limit - stepwell_clock(), :delay)) > 0
WHERE namespace = :namespace AND in_queue = :queue AND dedup_key = :dedup_key AND dedup_key IS NOT NULL
  AND current = 1 AND completed_at IS NULL AND status = 'ENQUEUED' AND started_at IS NULL
RETURNING run_id, workflow_id, name, input_digest, status, deadline
