-- An event, if it is set. Called by events. Index: primary key.
SELECT value, codec_id, set_at FROM events WHERE run_id = ? AND key = ?
