-- Removes an outcome that a rewind has taken back. Called by: @transaction with a source. Index: primary key.
DELETE FROM stepwell_transactions WHERE run_id = ? AND branch = ? AND seq = ?
