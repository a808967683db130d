-- An event, unless its id is there already. Called by announce. Index: the unique key (namespace, id).
INSERT INTO published_events (namespace, event, id, payload, codec_id, cancelling, published_at)
VALUES (?, ?, ?, ?, ?, ?, stepwell_clock())
ON CONFLICT (namespace, id) DO NOTHING
