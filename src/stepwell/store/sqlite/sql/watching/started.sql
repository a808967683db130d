-- How many runs were started since an instant, counted up to a limit: back from the row that was inserted last.
-- Called by vitals. Index: the table's rowid.
WITH RECURSIVE back (id, created_at, namespace) AS (
    SELECT * FROM (SELECT rowid, created_at, namespace FROM workflow_status ORDER BY rowid DESC LIMIT 1)
    UNION ALL
    SELECT w.rowid, w.created_at, w.namespace
    FROM back
    JOIN workflow_status w ON w.rowid = (SELECT max(p.rowid) FROM workflow_status p WHERE p.rowid < back.id)
    WHERE back.created_at > :since
    LIMIT :limit)
SELECT count(*) FROM back WHERE created_at > :since AND namespace = :namespace
