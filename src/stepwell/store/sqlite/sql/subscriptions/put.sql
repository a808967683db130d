-- One subscription, unless it is the same already. Called by subscribe. Index: primary key.
INSERT INTO subscriptions (namespace, app, event, mode, workflow, route, filter, parameters, version, queue, timeout,
                           max_recoveries)
VALUES (:namespace, :app, :event, :mode, :workflow, :route, :filter, :parameters, :version, :queue, :timeout,
        :max_recoveries)
ON CONFLICT (namespace, event, app, workflow, mode) DO UPDATE
SET route = excluded.route, filter = excluded.filter, parameters = excluded.parameters, version = excluded.version,
    queue = excluded.queue, timeout = excluded.timeout, max_recoveries = excluded.max_recoveries
WHERE (route, filter, parameters, version, queue, timeout, max_recoveries)
      IS NOT (excluded.route, excluded.filter, excluded.parameters, excluded.version, excluded.queue, excluded.timeout,
              excluded.max_recoveries)
