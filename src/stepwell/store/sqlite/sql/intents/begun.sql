-- What a run has begun and not ended. Called by claims. Index: primary key.
SELECT branch, seq, name, kind, attempt, due, error FROM operation_intents WHERE run_id = ? ORDER BY branch, seq
