-- Writes a queue's settings; what was declared stays as it is unless it is given.
-- Called by set_queue, declare_queues. Index: primary key.
INSERT INTO queues (
    namespace, name, concurrency, worker_concurrency, rate_limit, rate_period, partition_concurrency,
    partition_rate_limit, partition_rate_period, fair, paused, keep_place, declared, created_at, updated_at)
VALUES (
    :namespace, :queue, :concurrency, :worker_concurrency, :rate_limit, :rate_period, :partition_concurrency,
    :partition_rate_limit, :partition_rate_period, :fair, :paused, :keep_place, :declared, stepwell_clock(), stepwell_clock())
ON CONFLICT (namespace, name) DO UPDATE
SET concurrency = excluded.concurrency, worker_concurrency = excluded.worker_concurrency,
    rate_limit = excluded.rate_limit, rate_period = excluded.rate_period,
    partition_concurrency = excluded.partition_concurrency, partition_rate_limit = excluded.partition_rate_limit,
    partition_rate_period = excluded.partition_rate_period, fair = excluded.fair, paused = excluded.paused,
    keep_place = excluded.keep_place,
    declared = coalesce(excluded.declared, declared), updated_at = excluded.updated_at
