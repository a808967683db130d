-- The outcome that one operation has in this file. Called by: @transaction with a source. Index: primary key.
SELECT name, epoch, fingerprint, output, codec_id FROM stepwell_transactions WHERE run_id = ? AND branch = ? AND seq = ?
