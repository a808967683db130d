-- Runs that wait for one run that has ended or is gone. Called by wake_waiters_of. Index: waits_target.
SELECT DISTINCT w.run_id FROM waits w
WHERE w.target_run = :target
  AND NOT EXISTS (SELECT 1 FROM workflow_status t WHERE t.run_id = :target AND t.completed_at IS NULL)
