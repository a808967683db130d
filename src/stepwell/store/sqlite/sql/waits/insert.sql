-- One wait of a run, if it was parked in this transaction. Called by leave. Index: primary key.
INSERT INTO waits (run_id, branch, seq, kind, wake_at, target_run) 
SELECT ?1, ?2, ?3, ?4, ?5, ?6
WHERE EXISTS (SELECT 1 FROM workflow_status WHERE run_id = ?1 AND status = 'WAITING')
