-- A fork belongs to the app of the run that it was made from, whoever asked for it. Called by fork. Index: primary key.
UPDATE workflow_status
SET app = (SELECT o.app FROM workflow_status o WHERE o.run_id = workflow_status.forked_from)
WHERE run_id = ?
