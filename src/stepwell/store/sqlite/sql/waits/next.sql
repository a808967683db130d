-- When the next wait is due or the next delayed run may start, and the database's now. Runs whose start is
-- due already are for the claim to find. Called by the timer. Indexes: waits_due, workflow_status_later.
SELECT (SELECT min(wake_at) FROM waits WHERE wake_at IS NOT NULL),
       (SELECT min(not_before) FROM workflow_status
        WHERE status = 'ENQUEUED' AND delayed = 1 AND not_before > (SELECT stepwell_clock())),
       stepwell_clock()
