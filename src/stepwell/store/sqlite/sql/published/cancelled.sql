-- Nobody has to be cancelled because of this event any more. Called by event_cancelled. Index: the unique key (namespace, id).
UPDATE published_events SET cancelling = 0 WHERE namespace = ? AND id = ?
