-- Who subscribed to an event, or to any. Called by subscriptions. Index: primary key.
SELECT app, event, mode, workflow, route, filter, parameters, version, queue, timeout, max_recoveries
FROM subscriptions
WHERE namespace = :namespace AND (:event IS NULL OR event = :event)
ORDER BY event, app, workflow, mode
