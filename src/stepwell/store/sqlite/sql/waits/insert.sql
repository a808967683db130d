-- One wait of a run, if it was parked in this transaction. Called by leave. Index: primary keys.
INSERT INTO waits (run_id, branch, seq, kind, wake_at, target_run, topic, key, number, position, filter)
SELECT w.* FROM (SELECT ? AS run_id, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) w
WHERE EXISTS (SELECT 1 FROM workflow_status s WHERE s.run_id = w.run_id AND s.status = 'WAITING')
