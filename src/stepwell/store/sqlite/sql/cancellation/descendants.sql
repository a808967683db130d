-- The runs below one that follow its cancellation, through ended ones too. Called by request_cancel.
-- Index: workflow_status_children.
WITH RECURSIVE below (run_id) AS (
    SELECT run_id FROM workflow_status WHERE parent_run_id = :run_id AND parent_close = 'cancel'
    UNION
    SELECT w.run_id FROM below JOIN workflow_status w ON w.parent_run_id = below.run_id AND w.parent_close = 'cancel')
SELECT run_id FROM below
