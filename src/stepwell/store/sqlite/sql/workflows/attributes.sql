-- A run's searchable attributes; NULL where a run has none, no row where there is no run.
-- Called by update_attributes. Index: both primary keys.
SELECT a.attributes
FROM workflow_status w LEFT JOIN workflow_attributes a ON a.run_id = w.run_id
WHERE w.run_id = ?
