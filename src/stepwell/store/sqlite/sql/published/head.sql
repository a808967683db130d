-- The last event of a name. Called by event_head. Index: published_events_order.
SELECT coalesce(max(number), 0) FROM published_events WHERE namespace = ? AND event = ?
