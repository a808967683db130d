-- Children of one parent that were to end with it, live, and not asked to; none if it is live itself.
-- Called by children_left. Index: workflow_status_closing, primary key.
SELECT run_id FROM workflow_status
WHERE parent_run_id = :parent AND current = 1 AND parent_close = 'cancel' AND cancel_reason IS NULL
  AND completed_at IS NULL
  AND NOT EXISTS (SELECT 1 FROM workflow_status p WHERE p.run_id = :parent AND p.completed_at IS NULL)
LIMIT :limit
