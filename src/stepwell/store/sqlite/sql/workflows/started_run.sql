-- What a start with this run_id met. Called by starts whose insert found a key taken. Index: primary key.
SELECT run_id, workflow_id, name, input_digest, status, deadline FROM workflow_status WHERE run_id = ?
