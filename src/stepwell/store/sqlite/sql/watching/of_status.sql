-- How many runs have a status that is not SUCCESS, counted up to a limit.
-- Called by vitals. Index: workflow_status_unsuccessful.
SELECT count(*) FROM (
    SELECT 1 FROM workflow_status INDEXED BY workflow_status_unsuccessful
    WHERE status = :status AND status <> 'SUCCESS' AND namespace = :namespace
    LIMIT :limit)
