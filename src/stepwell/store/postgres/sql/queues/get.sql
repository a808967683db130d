-- A queue's settings. Called by: queue. Index: queues_pkey. Locks: nothing.
select q.name, q.concurrency, q.worker_concurrency, q.rate_limit, q.rate_period, q.partition_concurrency,
       q.partition_rate_limit, q.partition_rate_period, q.fair, q.paused, q.keep_place
from stepwell.queues q
where q.namespace = $1::text and q.name = $2::text
