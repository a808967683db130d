-- A message, unless its key is there already. Called by send. Index: the unique key (run_id, key).
INSERT INTO messages (run_id, key, topic, body, codec_id, sender_run, reply_to, sent_at)
VALUES (?, ?, ?, ?, ?, ?, ?, stepwell_clock())
ON CONFLICT (run_id, key) DO NOTHING
