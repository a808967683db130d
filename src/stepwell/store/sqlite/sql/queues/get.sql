-- A queue's settings, then which partition was served last and when. Called by queue, claim. Index: primary key.
SELECT name, concurrency, worker_concurrency, rate_limit, rate_period, partition_concurrency, partition_rate_limit,
       partition_rate_period, fair, paused, keep_place, turn, served_at
FROM queues WHERE namespace = :namespace AND name = :queue
