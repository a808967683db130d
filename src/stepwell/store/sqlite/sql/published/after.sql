-- The events of a name above a number. Called by events_above. Index: published_events_order.
SELECT event, number, id, payload, codec_id, published_at
FROM published_events
WHERE namespace = ? AND event = ? AND number > ?
ORDER BY number
LIMIT ?
