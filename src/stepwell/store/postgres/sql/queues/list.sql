-- Queues with a row, or with runs that wait or run: their settings, whether they have a row, and how many runs are
-- ready, delayed and running, each counted up to $3, with the oldest that waits. $2: one queue; null: all.
-- Called by: queues. Index: queues_pkey, workflow_status_queued, workflow_status_running, once per queue.
-- Locks: nothing.
with recursive waiting (name) as (
    (select s.queue from stepwell.workflow_status s
     where s.status = 'ENQUEUED' and s.queue <> '' and s.namespace = $1::text
     order by s.queue limit 1)
    union all
    select n.queue
    from waiting w
    cross join lateral (
        select s.queue from stepwell.workflow_status s
        where s.status = 'ENQUEUED' and s.queue <> '' and s.namespace = $1::text and s.queue > w.name
        order by s.queue limit 1) n
), executing (name) as (
    (select s.queue from stepwell.workflow_status s
     where s.status = 'PENDING' and s.queue <> '' and s.namespace = $1::text
     order by s.queue limit 1)
    union all
    select n.queue
    from executing w
    cross join lateral (
        select s.queue from stepwell.workflow_status s
        where s.status = 'PENDING' and s.queue <> '' and s.namespace = $1::text and s.queue > w.name
        order by s.queue limit 1) n
), named as (
    select q.name from stepwell.queues q where q.namespace = $1::text
    union
    (select w.name from waiting w limit 1000)
    union
    (select e.name from executing e limit 1000)
)
select n.name, q.concurrency, q.worker_concurrency, q.rate_limit, q.rate_period,
       q.partition_concurrency, q.partition_rate_limit, q.partition_rate_period, coalesce(q.fair, true),
       coalesce(q.paused, false), coalesce(q.keep_place, false), q.name is not null, w.ready, w.delayed,
       stepwell.running($1::text, n.name, null, null, $3::integer), w.oldest
from named n
left join stepwell.queues q on q.namespace = $1::text and q.name = n.name
cross join lateral (
    select count(*) filter (where not s.delayed) as ready, count(*) filter (where s.delayed) as delayed,
           extract(epoch from min(s.created_at))::double precision as oldest
    from (select e.delayed, e.created_at
          from stepwell.workflow_status e
          where e.status = 'ENQUEUED' and e.queue <> '' and e.namespace = $1::text and e.queue = n.name
          order by e.created_at
          limit $3::integer) s) w
where $2::text is null or n.name = $2::text
order by n.name
