-- The last entry of a stream: its number, and whether it closes. Called by publish. Index: primary key.
SELECT number, closed FROM streams WHERE run_id = ? AND key = ? ORDER BY number DESC LIMIT 1
