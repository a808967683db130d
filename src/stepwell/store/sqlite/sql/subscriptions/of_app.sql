-- What an app subscribed to. Called by subscribe. Index: primary key (the namespace).
SELECT event, workflow, mode FROM subscriptions WHERE namespace = ? AND app = ?
