-- Take a dedup key from the run that holds it, so that another may; from one that waits only if asked (:waiting), and it
-- may start at once then. Called by debounce, add_to_batch, supersede. Index: workflow_status_dedup.
UPDATE workflow_status
SET dedup_key = NULL,
    not_before = CASE WHEN :waiting AND not_before > stepwell_clock() THEN stepwell_clock() ELSE not_before END
WHERE namespace = :namespace AND in_queue = :queue AND dedup_key = :dedup_key AND dedup_key IS NOT NULL
  AND current = 1 AND completed_at IS NULL AND (:waiting OR status <> 'ENQUEUED' OR started_at IS NOT NULL)
