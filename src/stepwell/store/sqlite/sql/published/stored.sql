-- An event by its id. Called by announce. Index: the unique key (namespace, id).
SELECT number, published_at, cancelling FROM published_events WHERE namespace = ? AND id = ?
