-- The entries of a stream from a number on. Called by streams. Index: primary key.
SELECT number, value, codec_id, written_at FROM streams WHERE run_id = ? AND key = ? AND number >= ?
ORDER BY number
LIMIT ?
