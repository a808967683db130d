-- Whether a run is there, and how it stands. Called by operators' verbs. Index: primary key.
SELECT status FROM workflow_status WHERE run_id = ?
