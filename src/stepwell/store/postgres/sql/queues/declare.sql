-- Writes a queue that code declares, or brings its row up to date: a setting whose value is the one that was declared
-- last takes the new one, a setting that has been changed since stays. $3: the settings as a JSON object.
-- Called by: declare_queues. Index: queues_pkey. Locks: that row.
insert into stepwell.queues as q
    (namespace, name, concurrency, worker_concurrency, rate_limit, rate_period, partition_concurrency,
     partition_rate_limit, partition_rate_period, fair, paused, keep_place, declared)
select $1::text, $2::text, d.concurrency, d.worker_concurrency, d.rate_limit, d.rate_period, d.partition_concurrency,
       d.partition_rate_limit, d.partition_rate_period, d.fair, d.paused, d.keep_place, $3::text::jsonb
from jsonb_to_record($3::text::jsonb)
     as d (concurrency integer, worker_concurrency integer, rate_limit integer, rate_period double precision,
           partition_concurrency integer, partition_rate_limit integer, partition_rate_period double precision,
           fair boolean, paused boolean, keep_place boolean)
on conflict (namespace, name) do update
set (concurrency, worker_concurrency, rate_limit, rate_period, partition_concurrency, partition_rate_limit,
     partition_rate_period, fair, paused, keep_place) = (
        select n.concurrency, n.worker_concurrency, n.rate_limit, n.rate_period, n.partition_concurrency,
               n.partition_rate_limit, n.partition_rate_period, n.fair, n.paused, n.keep_place
        from jsonb_to_record((
            select jsonb_object_agg(k.key, case
                       when coalesce(r.row -> k.key, 'null') = coalesce(r.declared -> k.key, 'null')
                        and coalesce(r.row -> other.half, 'null') = coalesce(r.declared -> other.half, 'null')
                       then k.value else r.row -> k.key end)
            from jsonb_each(excluded.declared) as k
            cross join (select to_jsonb(q.*) as row,
                               coalesce(q.declared, '{"fair": true, "paused": false, "keep_place": false}'::jsonb) as declared) r
            cross join lateral (select case  -- of a rate, which is one setting
                                    when k.key like '%rate_limit' then replace(k.key, 'limit', 'period')
                                    when k.key like '%rate_period' then replace(k.key, 'period', 'limit')
                                    else k.key end as half) other))
            as n (concurrency integer, worker_concurrency integer, rate_limit integer, rate_period double precision,
                  partition_concurrency integer, partition_rate_limit integer, partition_rate_period double precision,
                  fair boolean, paused boolean, keep_place boolean)),
    declared = excluded.declared, updated_at = stepwell.clock()
where q.declared is distinct from excluded.declared
