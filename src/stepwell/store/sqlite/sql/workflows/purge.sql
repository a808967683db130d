-- Retention: the runs of one app and namespace that ended before an instant, oldest first, never one whose parent is
-- still there. Called by the janitor, bounded. Index: workflow_status_done.
DELETE FROM workflow_status WHERE rowid IN (
    SELECT w.rowid FROM workflow_status w INDEXED BY workflow_status_done
    WHERE w.namespace = :namespace AND w.app = :app AND w.completed_at IS NOT NULL
      AND w.completed_at < (SELECT stepwell_clock()) - :older_than
      AND NOT EXISTS (SELECT 1 FROM workflow_status p WHERE p.run_id = w.parent_run_id)
    ORDER BY w.completed_at
    LIMIT :limit)
