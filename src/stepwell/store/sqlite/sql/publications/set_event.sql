-- Set an event, under a fence read in this transaction. Called by publish. Index: primary key.
INSERT INTO events (run_id, key, value, codec_id, branch, seq, set_at) VALUES (?, ?, ?, ?, ?, ?, stepwell_clock())
ON CONFLICT (run_id, key) DO UPDATE
SET value = excluded.value, codec_id = excluded.codec_id, branch = excluded.branch, seq = excluded.seq,
    set_at = excluded.set_at
