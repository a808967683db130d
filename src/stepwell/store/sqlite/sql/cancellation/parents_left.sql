-- The next parents, in the order of their ids, with children that are to end with them, live, and not asked to; by
-- steps through the index. Called by children_left. Index: workflow_status_closing.
WITH RECURSIVE parents (parent_run_id, number) AS (
    SELECT (SELECT min(parent_run_id) FROM workflow_status
            WHERE parent_run_id > :after AND current = 1 AND parent_close = 'cancel' AND cancel_reason IS NULL
              AND completed_at IS NULL), 1
    UNION ALL
    SELECT (SELECT min(s.parent_run_id) FROM workflow_status s
            WHERE s.parent_run_id > parents.parent_run_id AND s.current = 1 AND s.parent_close = 'cancel'
              AND s.cancel_reason IS NULL AND s.completed_at IS NULL), number + 1
    FROM parents WHERE parent_run_id IS NOT NULL AND number < :parents)
SELECT parent_run_id FROM parents WHERE parent_run_id IS NOT NULL
