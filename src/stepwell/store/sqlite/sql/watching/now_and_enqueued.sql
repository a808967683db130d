-- What waits, how much of it is delayed, and the start of the oldest that is not, counted up to a limit.
-- Called by vitals. Index: workflow_status_unsuccessful.
SELECT stepwell_clock(), count(*), coalesce(sum(delayed), 0), min(CASE WHEN delayed = 0 THEN created_at END) FROM (
    SELECT delayed, created_at FROM workflow_status INDEXED BY workflow_status_unsuccessful
    WHERE status = 'ENQUEUED' AND status <> 'SUCCESS' AND namespace = :namespace
    ORDER BY run_id
    LIMIT :limit)
