-- Writes a queue's settings, whatever is declared. $3: the settings as a JSON object; $4: of a row that is there, these
-- alone (names of fields).
-- Called by: set_queue. Index: queues_pkey. Locks: that row.
insert into stepwell.queues as q
    (namespace, name, concurrency, worker_concurrency, rate_limit, rate_period, partition_concurrency,
     partition_rate_limit, partition_rate_period, fair, paused, keep_place)
select $1::text, $2::text, d.concurrency, d.worker_concurrency, d.rate_limit, d.rate_period, d.partition_concurrency,
       d.partition_rate_limit, d.partition_rate_period, d.fair, d.paused, d.keep_place
from json_to_record($3::text::json)
     as d (concurrency integer, worker_concurrency integer, rate_limit integer, rate_period double precision,
           partition_concurrency integer, partition_rate_limit integer, partition_rate_period double precision,
           fair boolean, paused boolean, keep_place boolean)
on conflict (namespace, name) do update
set concurrency = case when 'concurrency' = any ($4::text[]) then excluded.concurrency else q.concurrency end,
    worker_concurrency = case when 'worker_concurrency' = any ($4::text[]) then excluded.worker_concurrency
                              else q.worker_concurrency end,
    rate_limit = case when 'rate' = any ($4::text[]) then excluded.rate_limit else q.rate_limit end,
    rate_period = case when 'rate' = any ($4::text[]) then excluded.rate_period else q.rate_period end,
    partition_concurrency = case when 'partition_concurrency' = any ($4::text[]) then excluded.partition_concurrency
                                 else q.partition_concurrency end,
    partition_rate_limit = case when 'partition_rate' = any ($4::text[]) then excluded.partition_rate_limit
                                else q.partition_rate_limit end,
    partition_rate_period = case when 'partition_rate' = any ($4::text[]) then excluded.partition_rate_period
                                 else q.partition_rate_period end,
    fair = case when 'fair' = any ($4::text[]) then excluded.fair else q.fair end,
    paused = case when 'paused' = any ($4::text[]) then excluded.paused else q.paused end,
    keep_place = case when 'keep_place' = any ($4::text[]) then excluded.keep_place else q.keep_place end,
    updated_at = stepwell.clock()
