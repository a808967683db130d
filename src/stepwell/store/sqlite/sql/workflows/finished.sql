-- How a run stands, for a finish that was not accepted. Called by the careful commit. Index: primary key.
SELECT epoch, status, output, error, reason FROM workflow_status WHERE run_id = ?
