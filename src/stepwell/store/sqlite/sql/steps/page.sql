-- Outcomes of a run for people to read, by pos, after a pos, bounded. Called by list_steps. Index: primary key.
SELECT branch, seq, name, kind, ended, CASE WHEN :payloads THEN output END, CASE WHEN :payloads THEN error END,
       codec_id, attempts, pos, epoch, child_run, completed_at - elapsed, completed_at, NULL
FROM operation_outputs WHERE run_id = :run_id AND pos > :after_pos
ORDER BY pos, branch, seq
LIMIT :limit
