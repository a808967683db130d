-- The outcome of a transaction, in that transaction; nothing if there is one. Called by: @transaction with a source.
-- Index: primary key.
INSERT INTO stepwell_transactions (run_id, branch, seq, epoch, name, fingerprint, output, codec_id)
VALUES (?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT DO NOTHING
RETURNING 1
