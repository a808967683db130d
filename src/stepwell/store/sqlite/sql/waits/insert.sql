-- One wait of a run that was parked in this transaction. Called by leave. Index: primary key.
INSERT INTO waits (run_id, branch, seq, kind, wake_at, target_run, topic, key, number)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
