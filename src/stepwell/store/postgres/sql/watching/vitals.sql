-- How a namespace does: live runs by status, what is delayed, the oldest that is due, what was started and ended since
-- $2 (null: in the last ten seconds), and how many runs each process owns. Each count stops at $3.
-- Names and apps, up to 1,000, are found by one probe of an index each.
-- Called by: vitals. Index: workflow_status_unusual, _owner, _name, _completed. Locks: nothing.
with recursive span as materialized (
    select c.now, coalesce(to_timestamp($2::double precision), c.now - interval '10 seconds') as since
    from (select stepwell.clock() as now) c
), names (name) as (
    (select s.name from stepwell.workflow_status s where s.namespace = $1::text order by s.name limit 1)
    union all
    select n.name
    from names p
    cross join lateral (
        select s.name from stepwell.workflow_status s
        where s.namespace = $1::text and s.name > p.name
        order by s.name limit 1) n
), apps (app) as (
    (select s.app from stepwell.workflow_status s
     where s.completed_at is not null and s.namespace = $1::text
     order by s.app limit 1)
    union all
    select n.app
    from apps p
    cross join lateral (
        select s.app from stepwell.workflow_status s
        where s.completed_at is not null and s.namespace = $1::text and s.app > p.app
        order by s.app limit 1) n
), ends (status) as (
    select e.status
    from span, (select app from apps limit 1000) a
    cross join lateral (
        select s.status from stepwell.workflow_status s
        where s.completed_at is not null and s.namespace = $1::text and s.app = a.app and s.completed_at > span.since
        order by s.completed_at
        limit $3::integer) e
)
select extract(epoch from span.now)::double precision, extract(epoch from span.since)::double precision,
       e.enqueued, e.delayed, extract(epoch from e.oldest)::double precision,
       (select count(*) from (
            select from stepwell.workflow_status s  -- by the owners' index: as an expression the namespace is in no other
            where s.status = 'PENDING' and s.owner is not null and s.namespace || '' = $1::text limit $3::integer) r),
       (select json_object_agg(l.status, (
            select count(*) from (
                select from stepwell.workflow_status s
                where s.namespace = $1::text and s.status = l.status and s.status not in ('PENDING', 'SUCCESS')
                limit $3::integer) r))
        from unnest(array['WAITING', 'BLOCKED', 'DEAD']) as l (status))::text,
       (select coalesce(sum(n.number), 0)::integer
        from (select name from names limit 1000) k
        cross join lateral (
            select count(*) as number from (
                select from stepwell.workflow_status s
                where s.namespace = $1::text and s.name = k.name and s.created_at > span.since
                limit $3::integer) r) n),
       (select json_object_agg(t.status, t.number) from (select status, count(*) as number from ends group by 1) t)::text,
       (select json_object_agg(x.incarnation, (
            select count(*) from (
                select from stepwell.workflow_status s where s.owner = x.incarnation limit $3::integer) r))
        from stepwell.executors x)::text
from span
cross join lateral (
    select count(*) as enqueued, count(*) filter (where w.delayed) as delayed,
           min(w.created_at) filter (where not w.delayed) as oldest
    from (select s.delayed, s.created_at from stepwell.workflow_status s
          where s.namespace = $1::text and s.status = 'ENQUEUED' and s.status not in ('PENDING', 'SUCCESS')
          order by s.created_at
          limit $3::integer) w) e
