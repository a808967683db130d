-- How many runs have ended since an instant, by status, counted up to a limit.
-- Called by vitals. Index: workflow_status_done, one probe per app.
WITH RECURSIVE apps (app) AS (
    SELECT min(app) FROM workflow_status WHERE completed_at IS NOT NULL AND namespace = :namespace
    UNION ALL
    SELECT (SELECT min(w.app) FROM workflow_status w
            WHERE w.completed_at IS NOT NULL AND w.namespace = :namespace AND w.app > apps.app)
    FROM apps WHERE apps.app IS NOT NULL
    LIMIT 1000)
SELECT status, count(*)
FROM (SELECT w.status
      FROM apps
      JOIN workflow_status w ON w.completed_at IS NOT NULL AND w.namespace = :namespace AND w.app = apps.app
          AND w.completed_at > :since
      LIMIT :limit)
GROUP BY 1
