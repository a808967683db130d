-- The same for people to read, in the columns of steps/page. Called by list_steps. Index: primary key.
SELECT branch, seq, name, kind, NULL, NULL, CASE WHEN :payloads THEN error END, NULL, attempt, NULL, epoch, NULL,
       started_at, NULL, due
FROM operation_intents WHERE run_id = :run_id
ORDER BY branch, seq
LIMIT :limit
