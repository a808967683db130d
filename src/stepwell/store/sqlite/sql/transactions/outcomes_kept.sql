-- Runs that have outcomes here, in pages. Called by: the janitor. Index: primary key.
SELECT DISTINCT run_id FROM stepwell_transactions WHERE run_id > ? ORDER BY run_id LIMIT ?
