-- From now on the children of a run do not end with it. Called by abandon_children. Index: workflow_status_children.
UPDATE workflow_status SET parent_close = 'abandon'
WHERE parent_run_id = ? AND current = 1 AND completed_at IS NULL
