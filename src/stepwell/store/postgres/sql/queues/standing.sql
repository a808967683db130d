-- How its queue's limits stand for a run that waits: the settings, what runs of the queue and of its partition, how many
-- come before it (counted up to 1,000), when rates open, and who fills the queue or, if that is not full, the partition.
-- Called by: standing_in_queue. Index: primary keys, workflow_status_running, workflow_status_claim or _partition.
-- Locks: nothing.
select q.name, q.concurrency, q.worker_concurrency, q.rate_limit, q.rate_period, q.partition_concurrency,
       q.partition_rate_limit, q.partition_rate_period, q.fair, q.paused, q.keep_place,
       r.running,
       case when s.partition_key is null then 0
            else stepwell.running(s.namespace, s.queue, s.partition_key, null, 100000)
                 + case when q.keep_place then stepwell.kept(s.namespace, s.queue, s.partition_key, 100000) else 0 end end,
       (select count(*)
        from (select from stepwell.workflow_status a
              where a.status = 'ENQUEUED' and not a.delayed and a.partition_key is not distinct from s.partition_key
                and a.namespace = s.namespace and a.app = s.app and a.queue = s.queue and a.route = s.route
                and stepwell.claim_rank(a.created_at, a.priority) < stepwell.claim_rank(s.created_at, s.priority)
              limit 1000) a),
       (select case when r.room = 0 then extract(epoch from r.opens_at - stepwell.clock())::double precision end
        from stepwell.rate_room(s.namespace, s.queue, '', q.rate_limit, q.rate_period, stepwell.clock()) r
        where q.rate_limit is not null),
       (select case when r.room = 0 then extract(epoch from r.opens_at - stepwell.clock())::double precision end
        from stepwell.rate_room(s.namespace, s.queue, s.partition_key, q.partition_rate_limit, q.partition_rate_period,
                                stepwell.clock()) r
        where q.partition_rate_limit is not null and s.partition_key is not null),
       array(select h.workflow_id
             from (
                 (select o.workflow_id, o.partition_key
                  from stepwell.workflow_status o
                  where o.status = 'PENDING' and o.queue <> '' and o.namespace = s.namespace and o.queue = s.queue
                  order by o.partition_key, o.owner)
                 union all
                 (select o.workflow_id, o.partition_key
                  from stepwell.workflow_status o
                  where o.queue <> '' and o.started_at is not null and o.owner is null and o.completed_at is null
                    and q.keep_place and o.namespace = s.namespace and o.queue = s.queue
                  order by o.partition_key)) h
             where (r.running >= q.concurrency or q.partition_concurrency is null or s.partition_key is null
                    or h.partition_key = s.partition_key)
             limit 5)::text[]
from stepwell.workflow_status s
join stepwell.queues q on q.namespace = s.namespace and q.name = s.queue
cross join lateral (
    select stepwell.running(s.namespace, s.queue, null, null, 100000)
           + case when q.keep_place then stepwell.kept(s.namespace, s.queue, null, 100000) else 0 end as running) r
where s.run_id = $1::uuid and s.status = 'ENQUEUED'
