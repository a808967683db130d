-- The place of one outcome in its run's order. Called by rewind and fork. Index: primary key.
SELECT pos FROM operation_outputs WHERE run_id = ? AND branch = ? AND seq = ?
