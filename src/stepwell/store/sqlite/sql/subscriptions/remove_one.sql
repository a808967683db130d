-- One subscription. Called by subscribe. Index: primary key.
DELETE FROM subscriptions WHERE namespace = ? AND event = ? AND app = ? AND workflow = ? AND mode = ?
