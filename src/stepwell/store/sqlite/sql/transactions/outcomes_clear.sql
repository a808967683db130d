-- Removes the outcomes of a run that has ended. Called by: the janitor. Index: primary key.
DELETE FROM stepwell_transactions WHERE run_id = ?
