-- How many of a queue's runs one process owns, counted up to a limit. Called by claim.
-- Index: workflow_status_running: by the owner's, all that it owns would be read.
SELECT count(*) FROM (
    SELECT 1 FROM workflow_status INDEXED BY workflow_status_running
    WHERE status = 'PENDING' AND namespace = :namespace AND queue = :queue AND owner = :owner
    LIMIT :limit)
