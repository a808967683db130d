-- How a run stands, and in which epoch. Called by resume_failed. Index: primary key.
SELECT status, epoch FROM workflow_status WHERE run_id = ?
