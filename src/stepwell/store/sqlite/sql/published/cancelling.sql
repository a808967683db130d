-- Events because of which runs may have to be cancelled still. Called by events_cancelling.
-- Index: published_events_cancelling.
SELECT event, number, id, payload, codec_id, published_at
FROM published_events
WHERE namespace = :namespace AND cancelling = 1 AND published_at < (SELECT stepwell_clock()) - :older_than
ORDER BY published_at
LIMIT :limit
