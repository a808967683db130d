-- Runs with a wait that is due. Called by wake_due. Index: waits_due.
SELECT DISTINCT run_id FROM waits
WHERE wake_at IS NOT NULL AND wake_at <= (SELECT stepwell_clock())
LIMIT :limit
