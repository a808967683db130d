-- Makes delayed runs claimable whose not_before is reached. Called by claim. Index: workflow_status_later.
UPDATE workflow_status SET delayed = 0
WHERE rowid IN (
    SELECT rowid FROM workflow_status INDEXED BY workflow_status_later
    WHERE status = 'ENQUEUED' AND delayed = 1 AND not_before <= (SELECT stepwell_clock())
    ORDER BY not_before
    LIMIT ?)
