-- What a workflow subscribed to. Called by unsubscribe. Index: primary key (namespace, event).
DELETE FROM subscriptions WHERE namespace = ? AND event = ? AND workflow = ?
