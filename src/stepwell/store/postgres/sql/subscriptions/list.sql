-- Who subscribed to an event, or to any. Called by: subscriptions. Index: primary key. Locks: nothing.
select s.app, s.event, s.mode, s.workflow, s.route, s.filter, s.parameters, s.version, s.queue, s.timeout,
       s.max_recoveries
from stepwell.subscriptions s
where s.namespace = $1::text and ($2::text is null or s.event = $2::text)
order by s.event, s.app, s.workflow, s.mode
