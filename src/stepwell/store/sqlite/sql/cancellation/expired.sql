-- Runs whose deadline is over and that nobody has cancelled yet. DEAD ones wait for an operator.
-- Called by expire_deadlines. Index: workflow_status_deadline.
SELECT run_id FROM workflow_status
WHERE deadline IS NOT NULL AND deadline <= (SELECT stepwell_clock()) AND cancel_reason IS NULL
  AND completed_at IS NULL AND status <> 'DEAD'
ORDER BY deadline
LIMIT :limit
