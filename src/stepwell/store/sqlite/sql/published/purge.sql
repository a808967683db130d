-- Old events, oldest first. Called by the janitor, bounded. Index: published_events_age.
DELETE FROM published_events WHERE number IN (
    SELECT number FROM published_events
    WHERE namespace = :namespace AND published_at < (SELECT stepwell_clock()) - :older_than
    ORDER BY published_at
    LIMIT :limit)
