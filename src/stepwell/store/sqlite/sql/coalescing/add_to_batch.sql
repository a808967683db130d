-- Append an item to the list that a run which waits, and has not started, is called with; with the last one it may start
-- at once, and gives its key away. Called by add_to_batch. Index: workflow_status_dedup.
UPDATE workflow_status
SET input = substr(input, 1, length(input) - 3) || ',' || :item || ']]}',
    not_before = CASE WHEN json_array_length(input, '$.args[0]') + 1 >= :most THEN stepwell_clock() ELSE not_before END,
    dedup_key = CASE WHEN json_array_length(input, '$.args[0]') + 1 < :most THEN dedup_key END
WHERE namespace = :namespace AND in_queue = :queue AND dedup_key = :dedup_key AND dedup_key IS NOT NULL
  AND current = 1 AND completed_at IS NULL AND status = 'ENQUEUED' AND started_at IS NULL
  AND length(input) + length(:item) < :most_bytes
RETURNING run_id, workflow_id, name, input_digest, status, deadline
