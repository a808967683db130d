-- Whether a table is in this file. Called by: @transaction with a source, once.
SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = ?
