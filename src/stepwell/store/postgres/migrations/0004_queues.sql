-- kind: pre
-- Queues: limits, partitions, priorities that age, keys of which one run may wait or run, and starts that expire.
-- What runs of a queue is never remembered but counted where it is true, in the rows of its owned runs; what has been
-- started of late, for the rates, is a few buckets per queue.

-- The order of claims: a level of priority is worth a minute of waiting, so that nothing waits for ever.
create function stepwell.claim_rank(created_at timestamptz, priority integer) returns double precision
language sql immutable parallel safe as $$ select date_part('epoch', created_at at time zone 'UTC') + 60.0 * priority $$;

alter table stepwell.workflow_status add column expires_at timestamptz;  -- not started by then: CANCELLED

drop index stepwell.workflow_status_claim;
create index workflow_status_claim on stepwell.workflow_status
    (namespace, app, queue, route, stepwell.claim_rank(created_at, priority))
    where status = 'ENQUEUED' and not delayed and partition_key is null;
create index workflow_status_partition on stepwell.workflow_status
    (namespace, app, queue, route, partition_key, stepwell.claim_rank(created_at, priority))
    where status = 'ENQUEUED' and not delayed and partition_key is not null;
-- What has run before and goes on: no rate holds it, and it must be found behind what a rate does hold.
create index workflow_status_resumed on stepwell.workflow_status
    (namespace, app, queue, route, stepwell.claim_rank(created_at, priority))
    where status = 'ENQUEUED' and not delayed and queue <> '' and started_at is not null;
-- All that waits in a queue, due or not, whatever its app and its partition: for people, and for who counts.
create index workflow_status_queued on stepwell.workflow_status (namespace, queue, created_at)
    where status = 'ENQUEUED' and queue <> '';
create index workflow_status_running on stepwell.workflow_status (namespace, queue, partition_key, owner)
    where status = 'PENDING' and queue <> '';
create unique index workflow_status_dedup on stepwell.workflow_status (namespace, queue, dedup_key)
    where dedup_key is not null and current and completed_at is null;
create index workflow_status_expiry on stepwell.workflow_status (expires_at)
    where expires_at is not null and status = 'ENQUEUED' and started_at is null;

-- What has begun, has not ended and is not owned: parked, to go on, or stopped. In some queues it keeps its place.
create index workflow_status_kept on stepwell.workflow_status (namespace, queue, partition_key)
    where queue <> '' and started_at is not null and owner is null and completed_at is null;

alter table stepwell.queues
    add column keep_place boolean not null default false,
    add column declared jsonb,                           -- what code has declared last: see queues/declare
    add column turn text,                                -- the partition that was served last
    add column served_at timestamptz,
    add column created_at timestamptz not null default stepwell.clock(),
    add column limited boolean generated always as (
        paused or concurrency is not null or worker_concurrency is not null or rate_limit is not null
        or partition_concurrency is not null or partition_rate_limit is not null) stored,
    add constraint queues_positive check (
        concurrency > 0 and worker_concurrency > 0 and partition_concurrency > 0 and rate_limit > 0 and rate_period > 0
        and partition_rate_limit > 0 and partition_rate_period > 0),
    add constraint queues_rates check ((rate_limit is null) = (rate_period is null)
        and (partition_rate_limit is null) = (partition_rate_period is null));
alter table stepwell.queues set (fillfactor = 50, autovacuum_vacuum_threshold = 200);

-- Starts of the last period of a rate, of the queue (partition '') or of a partition: at most some 130 rows of each.
create table stepwell.queue_starts (
    first_at       timestamptz not null,
    last_at        timestamptz not null,
    keep_until     timestamptz not null,  -- when the period is over; claims remove what is older, whatever its queue
    starts         integer not null,
    namespace      text not null,
    queue          text not null,
    partition_key  text not null,
    primary key (namespace, queue, partition_key, first_at)
) with (fillfactor = 80, autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 1000);
create index queue_starts_old on stepwell.queue_starts (keep_until);

-- How many more starts a rate allows now, and when the next one, if none.
create function stepwell.rate_room(
    tenant text, of_queue text, of_partition text, most integer, period double precision, at timestamptz,
    out room integer, out opens_at timestamptz
) language plpgsql volatile as $$
begin
    select most - coalesce(sum(b.starts), 0), min(b.last_at) + make_interval(secs => period)
    into room, opens_at
    from stepwell.queue_starts b
    where b.namespace = tenant and b.queue = of_queue and b.partition_key = of_partition
      and b.last_at > at - make_interval(secs => period);
    room := greatest(room, 0);
end $$;

-- Notes starts, at an instant after that of the rows. A small rate keeps each instant; of a large one, starts within a 128th of its period count as the
-- last of them, so that it is never exceeded, and reopens at most that much late.
create function stepwell.note_starts(
    tenant text, of_queue text, of_partition text, most integer, period double precision, at timestamptz, number integer
) returns void language plpgsql volatile as $$
begin
    update stepwell.queue_starts b
    set starts = b.starts + number, last_at = greatest(b.last_at, at),
        keep_until = greatest(b.last_at, at) + make_interval(secs => period)
    where b.namespace = tenant and b.queue = of_queue and b.partition_key = of_partition
      and b.first_at = (select max(n.first_at) from stepwell.queue_starts n
                        where n.namespace = tenant and n.queue = of_queue and n.partition_key = of_partition)
      and b.keep_until > at  -- older ones may be locked: see forget_starts
      and (b.first_at >= at or (most > 128 and b.first_at > at - make_interval(secs => period / 128)));
    if not found then
        insert into stepwell.queue_starts (first_at, last_at, keep_until, starts, namespace, queue, partition_key)
        values (at, at, at + make_interval(secs => period), number, tenant, of_queue, of_partition);
    end if;
end $$;

-- Removes buckets of any rate whose period is over: those of partitions that never come again would stay for ever.
create function stepwell.forget_starts(most integer) returns void language sql volatile as $$
    delete from stepwell.queue_starts b
    where b.ctid = any (array(
        select o.ctid from stepwell.queue_starts o where o.keep_until <= (select stepwell.clock())
        order by o.keep_until limit most for update skip locked))
$$;

-- The pairs of queue ('': none) and route of which runs without a partition wait, after one of them: the next 1,000, one
-- probe of an index each. Here and below, such a probe asks for the whole order of the index that is meant, so that no
-- other index can be its plan, whatever the statistics say: by another one, a hundred thousand waiting rows would be read
-- to find none.
create function stepwell.waiting_pairs(
    tenant text, of_app text, after_queue text, after_route text, out queues text[], out routes text[]
) language plpgsql volatile as $$
begin
    with recursive pairs as (
        (select s.queue, s.route
         from stepwell.workflow_status s
         where s.status = 'ENQUEUED' and not s.delayed and s.partition_key is null
           and s.namespace = tenant and s.app = of_app and (s.queue, s.route) > (after_queue, after_route)
         order by s.queue, s.route, stepwell.claim_rank(s.created_at, s.priority) limit 1)
        union all
        select n.queue, n.route
        from pairs p
        cross join lateral (
            select s.queue, s.route
            from stepwell.workflow_status s
            where s.status = 'ENQUEUED' and not s.delayed and s.partition_key is null
              and s.namespace = tenant and s.app = of_app and (s.queue, s.route) > (p.queue, p.route)
            order by s.queue, s.route, stepwell.claim_rank(s.created_at, s.priority) limit 1) n
    )
    select array_agg(p.queue), array_agg(p.route) into queues, routes
    from (select p.queue, p.route from pairs p limit 1000) p;
end $$;

-- The queues of which runs with a partition wait, after one of them: the next 1,000.
create function stepwell.waiting_queues(tenant text, of_app text, after_queue text) returns setof text
language plpgsql volatile as $$
declare
    met text := after_queue;
begin
    for step in 1..1000 loop
        select s.queue into met from stepwell.workflow_status s
        where s.status = 'ENQUEUED' and not s.delayed and s.partition_key is not null
          and s.namespace = tenant and s.app = of_app and s.queue > met
        order by s.queue, s.route, s.partition_key, stepwell.claim_rank(s.created_at, s.priority)
        limit 1;
        exit when not found;
        return next met;
    end loop;
end $$;

-- How many of a queue's runs are owned, counted up to `most`; of one partition, of one owner, or of all (null).
create function stepwell.running(tenant text, of_queue text, of_partition text, of_owner uuid, most integer)
returns integer language plpgsql volatile as $$
begin
    if of_partition is not null then
        return (select count(*) from (
            select from stepwell.workflow_status s
            where s.status = 'PENDING' and s.queue <> '' and s.namespace = tenant and s.queue = of_queue
              and s.partition_key = of_partition
            order by s.partition_key, s.owner limit most) r);
    elsif of_owner is not null then  -- as a text: by the owner's index, all that it owns would be read
        return (select count(*) from (
            select from stepwell.workflow_status s
            where s.status = 'PENDING' and s.queue <> '' and s.namespace = tenant and s.queue = of_queue
              and s.owner::text = of_owner::text
            order by s.partition_key, s.owner limit most) r);
    end if;
    return (select count(*) from (
        select from stepwell.workflow_status s
        where s.status = 'PENDING' and s.queue <> '' and s.namespace = tenant and s.queue = of_queue
        order by s.partition_key, s.owner limit most) r);
end $$;

-- How many runs keep their places in a queue without being owned, counted up to `most`; of one partition, or of all.
create function stepwell.kept(tenant text, of_queue text, of_partition text, most integer) returns integer
language plpgsql volatile as $$
begin
    return (select count(*) from (
        select from stepwell.workflow_status s
        where s.queue <> '' and s.started_at is not null and s.owner is null and s.completed_at is null
          and s.namespace = tenant and s.queue = of_queue
          and (of_partition is null or s.partition_key = of_partition)
        order by s.partition_key limit most) k);
end $$;

-- What a queue's partitions may start now, in turn, from the one after another (null: from the first); '' stands for the
-- runs without a partition and comes first. Up to 100 that may start something, among the next 1,000.
create function stepwell.partitions_in_turn(
    q stepwell.queues, after_key text, of_app text, routes text[], room integer, at timestamptz
) returns table (key text, allowed integer, opens_at timestamptz, wrapped boolean) language plpgsql volatile as $$
declare
    place text := after_key;  -- null: before all
    rate record;
    met integer := 0;
    open integer := 0;
begin
    wrapped := after_key is null;
    loop
        if place is null then
            place := '';
            select '' into key
            from unnest(routes) as r (route)
            cross join lateral (
                select from stepwell.workflow_status s
                where s.status = 'ENQUEUED' and not s.delayed and s.partition_key is null
                  and s.namespace = q.namespace and s.app = of_app and s.queue = q.name and s.route = r.route
                order by stepwell.claim_rank(s.created_at, s.priority)
                limit 1) n
            limit 1;
            continue when key is null;
        else
            select min(n.partition_key) into key
            from unnest(routes) as r (route)
            cross join lateral (
                select s.partition_key from stepwell.workflow_status s
                where s.status = 'ENQUEUED' and not s.delayed and s.partition_key is not null
                  and s.namespace = q.namespace and s.app = of_app and s.queue = q.name and s.route = r.route
                  and s.partition_key > place
                order by s.partition_key limit 1) n;
            if key is null then
                exit when wrapped;
                wrapped := true;
                place := null;
                continue;
            end if;
            place := key;
        end if;
        exit when wrapped and key > after_key;  -- once around
        allowed := room;
        opens_at := null;
        if key <> '' and q.partition_concurrency is not null then
            allowed := least(allowed, q.partition_concurrency
                             - stepwell.running(q.namespace, q.name, key, null, q.partition_concurrency));
            if q.keep_place and allowed > 0 then
                allowed := allowed - stepwell.kept(q.namespace, q.name, key, q.partition_concurrency);
            end if;
        end if;
        if key <> '' and q.partition_rate_limit is not null and allowed > 0 then
            rate := stepwell.rate_room(q.namespace, q.name, key, q.partition_rate_limit, q.partition_rate_period, at);
            allowed := least(allowed, rate.room);
            opens_at := case when rate.room = 0 then rate.opens_at end;
        end if;
        return next;
        met := met + 1;
        open := open + (allowed > 0)::integer;
        exit when open = 100 or met = 1000;
    end loop;
end $$;

-- Makes runs the owner's, those of them that still may be claimed.
create function stepwell.take_runs(of_owner uuid, run_ids uuid[]) returns setof stepwell.workflow_status
language sql volatile as $$
    update stepwell.workflow_status w
    set status = 'PENDING', owner = of_owner, epoch = w.epoch + 1, attempts = w.attempts + 1, reason = null,
        started_at = coalesce(w.started_at, stepwell.clock())
    where w.ctid = any (array(
        select s.ctid from stepwell.workflow_status s
        where s.run_id = any (run_ids) and s.status = 'ENQUEUED' and not s.delayed
        for update skip locked))
    returning w.*
$$;

-- Takes up to `most` runs of one queue, whose row the caller has locked: nobody else claims from it meanwhile. First what
-- has run before, as concurrency allows; then as the rates allow it, from the partitions in turn or by rank alone.
-- The last row has no run, but says how things stand: whether limits hold something back (held), whether there may be
-- more at once (again), and when a rate opens. If none of the next partitions may start anything, it says which was the
-- last of them (met), so that the next claim looks at those after it (after_key), and whether it came around to the first.
create function stepwell.claim_from_queue(
    q stepwell.queues, after_key text, of_owner uuid, of_app text, routes text[], most integer
) returns table (
    run stepwell.workflow_status, held boolean, again boolean, opens_at timestamptz, met text, wrapped boolean
) language plpgsql volatile as $$
declare
    at timestamptz := stepwell.clock();
    capacity integer := most;
    room integer;
    here text[];
    rate record;
    lanes record;
    chosen record;
    share integer;
    resumed integer := 0;
    number integer := 0;
begin
    held := false;
    again := false;
    here := array(
        select r.route from unnest(routes) as r (route)
        where (select true from stepwell.workflow_status s
               where s.status = 'ENQUEUED' and not s.delayed and s.partition_key is null
                 and s.namespace = q.namespace and s.app = of_app and s.queue = q.name and s.route = r.route
               order by stepwell.claim_rank(s.created_at, s.priority) limit 1)
           or (select true from stepwell.workflow_status s
               where s.status = 'ENQUEUED' and not s.delayed and s.partition_key is not null
                 and s.namespace = q.namespace and s.app = of_app and s.queue = q.name and s.route = r.route
               order by s.partition_key, stepwell.claim_rank(s.created_at, s.priority) limit 1));
    if q.concurrency is not null and not q.keep_place then
        capacity := least(capacity, q.concurrency - stepwell.running(q.namespace, q.name, null, null, q.concurrency));
    end if;
    if q.worker_concurrency is not null then
        capacity := least(capacity, q.worker_concurrency
                          - stepwell.running(q.namespace, q.name, null, of_owner, q.worker_concurrency));
    end if;
    if cardinality(here) = 0 or capacity <= 0 then
        held := cardinality(here) > 0;
        return next;
        return;
    end if;
    for run in
        select t.*
        from stepwell.take_runs(of_owner, array(
            select c.run_id
            from (select s.*, row_number() over (partition by s.partition_key order by s.rank) as place
                  from unnest(here) as r (route)
                  cross join lateral (
                      select s.run_id, s.partition_key, stepwell.claim_rank(s.created_at, s.priority) as rank
                      from stepwell.workflow_status s
                      where s.status = 'ENQUEUED' and not s.delayed and s.queue <> '' and s.started_at is not null
                        and s.namespace = q.namespace and s.app = of_app and s.queue = q.name and s.route = r.route
                      order by stepwell.claim_rank(s.created_at, s.priority)
                      limit case when q.partition_concurrency is null then capacity else 1000 end) s) c
            where q.keep_place or q.partition_concurrency is null or c.partition_key is null
               or (c.place <= q.partition_concurrency
                   and c.place <= q.partition_concurrency - stepwell.running(
                           q.namespace, q.name, c.partition_key, null, q.partition_concurrency))
            order by c.rank
            limit capacity)) t
    loop
        resumed := resumed + 1;
        return next;
    end loop;
    run := null;
    capacity := capacity - resumed;
    room := capacity;
    if q.concurrency is not null and q.keep_place then  -- what was resumed has had its place
        room := least(room, q.concurrency - stepwell.running(q.namespace, q.name, null, null, q.concurrency)
                            - stepwell.kept(q.namespace, q.name, null, q.concurrency));
    end if;
    held := room <= 0;
    if room > 0 and q.rate_limit is not null then
        rate := stepwell.rate_room(q.namespace, q.name, '', q.rate_limit, q.rate_period, at);
        room := least(room, rate.room);
        opens_at := case when rate.room = 0 then rate.opens_at end;
    end if;
    if room > 0 then
        select coalesce(array_agg(p.key order by p.turn) filter (where p.allowed > 0), '{}') as keys,
               array_agg(p.allowed order by p.turn) filter (where p.allowed > 0) as rooms,
               coalesce(bool_or(p.allowed <= 0), false) as shut, min(p.opens_at) as opens_at,
               count(*) as seen, (array_agg(p.key order by p.turn desc))[1] as last, bool_or(p.wrapped) as wrapped
        into lanes
        from stepwell.partitions_in_turn(q, coalesce(after_key, q.turn), of_app, here, room, at)
             with ordinality as p (key, allowed, opens_at, wrapped, turn);
        held := held or lanes.shut;
        opens_at := lanes.opens_at;
        share := case when q.fair and lanes.keys <> '{}' then ceil(room::numeric / cardinality(lanes.keys)) else room end;
        select array_agg(c.run_id order by c.sorted) as run_ids, (array_agg(c.key order by c.sorted desc))[1] as last
        into chosen
        from (select f.run_id, k.key,
                     case when q.fair then row_number() over (partition by k.key order by f.rank) * 1000.0 + k.turn
                          else f.rank end as sorted
              from unnest(lanes.keys, lanes.rooms) with ordinality as k (key, allowed, turn)
              cross join lateral (
                  select s.run_id, s.rank
                  from unnest(here) as r (route)
                  cross join lateral (  -- what somebody's open transaction holds is passed over, or all would wait for it
                      select p.* from (
                       select s.run_id, stepwell.claim_rank(s.created_at, s.priority) as rank
                       from stepwell.workflow_status s
                       where s.status = 'ENQUEUED' and not s.delayed and s.partition_key is not null
                         and s.namespace = q.namespace and s.app = of_app and s.queue = q.name and s.route = r.route
                         and s.partition_key = k.key and s.started_at is null
                       order by stepwell.claim_rank(s.created_at, s.priority)
                       limit least(k.allowed, share)
                       for update skip locked) p
                      union all
                      select n.* from (
                       select s.run_id, stepwell.claim_rank(s.created_at, s.priority) as rank
                       from stepwell.workflow_status s
                       where s.status = 'ENQUEUED' and not s.delayed and s.partition_key is null
                         and s.namespace = q.namespace and s.app = of_app and s.queue = q.name and s.route = r.route
                         and k.key = '' and s.started_at is null
                       order by stepwell.claim_rank(s.created_at, s.priority)
                       limit least(k.allowed, share)
                       for update skip locked) n) s
                  order by s.rank
                  limit least(k.allowed, share)) f
              order by sorted
              limit room) c;
        for run in select t.* from stepwell.take_runs(of_owner, chosen.run_ids) t loop
            number := number + 1;
            if run.partition_key is not null and q.partition_rate_limit is not null then
                perform stepwell.note_starts(
                    q.namespace, q.name, run.partition_key, q.partition_rate_limit, q.partition_rate_period,
                    stepwell.clock(), 1);
            end if;
            return next;
        end loop;
        run := null;
        if number > 0 and q.rate_limit is not null then
            perform stepwell.note_starts(
                q.namespace, q.name, '', q.rate_limit, q.rate_period, stepwell.clock(), number);
        end if;
        if number > 0 and (q.rate_limit is not null or q.partition_rate_limit is not null) then
            perform stepwell.forget_starts(100 + 2 * number);  -- more than were added
        end if;
        q.turn := coalesce(chosen.last, q.turn);
        again := number > 0 and number < capacity and (number = room or lanes.seen = 1000 or cardinality(lanes.keys) > 1);
        met := case when number = 0 and lanes.seen = 1000 then lanes.last end;
        wrapped := coalesce(lanes.wrapped, false);
    end if;
    update stepwell.queues c set turn = q.turn, served_at = at
    where c.namespace = q.namespace and c.name = q.name and (c.turn is distinct from q.turn or resumed + number > 0);
    held := held or opens_at is not null or number = capacity;
    return next;
end $$;

-- Takes up to `most` runs of those of some queues that have limits or partitions; of those that nobody else claims from right
-- now. Its rows are those of claim_from_queue, with a single last one for all queues: it has, of the queues that were
-- looked at in part (or were so by the claim before: in_turn, with the partition after which to look), how far.
create function stepwell.claim_limited(
    of_owner uuid, tenant text, of_app text, listened text[], routes text[], most integer, names text[],
    partitioned text[], in_turn text[], after_keys text[]
) returns table (
    run stepwell.workflow_status, held boolean, again boolean, opens_at timestamptz,
    turning text[], met_keys text[], wrapped boolean[]
) language plpgsql volatile as $$
declare
    spare integer := most;
    q stepwell.queues;
    one record;
    wanted text;
    after_key text;
    all_held boolean := false;
    earliest timestamptz;
    more boolean := false;
begin
    for wanted in
        select c.name
        from stepwell.queues c
        where c.namespace = tenant and c.name = any (names || partitioned) and not c.paused
          and (listened is null or c.name = any (listened)) and (c.limited or c.name = any (partitioned))
        order by c.served_at nulls first, c.name
    loop
        if spare <= 0 then
            more := true;
            exit;
        end if;
        select * into q from stepwell.queues c
        where c.namespace = tenant and c.name = wanted and not c.paused for no key update skip locked;
        if not found then
            more := true;  -- somebody claims from it right now, and may leave some
            continue;
        end if;
        after_key := after_keys[array_position(in_turn, wanted)];
        for one in select * from stepwell.claim_from_queue(q, after_key, of_owner, of_app, routes, spare) loop
            if (one.run).run_id is not null then
                spare := spare - 1;
                run := one.run;
                return next;
            else
                all_held := all_held or one.held;
                more := more or one.again;
                earliest := least(earliest, one.opens_at);
                if one.met is not null or (after_key is not null and one.wrapped is not null) then
                    turning := turning || wanted;
                    met_keys := met_keys || one.met;
                    wrapped := wrapped || one.wrapped;
                end if;
            end if;
        end loop;
    end loop;
    run := null;
    held := all_held;
    again := more or (most > 0 and spare <= 0);  -- the rest of the last one; its share was used up, if not all places
    opens_at := earliest;
    return next;
end $$;

-- Takes up to `most` runs of pairs of queue ('': started directly) and route, by rank; not from queues with limits.
create function stepwell.claim_unlimited(
    of_owner uuid, tenant text, of_app text, most integer, queues text[], routes text[]
) returns setof stepwell.workflow_status language plpgsql volatile as $$
begin
    return query
    update stepwell.workflow_status w
    set status = 'PENDING', owner = of_owner, epoch = w.epoch + 1, attempts = w.attempts + 1, reason = null,
        started_at = coalesce(w.started_at, stepwell.clock())
    where w.ctid = any (array(
        select picked.tid
        from unnest(queues, routes) as p (queue, route)
        cross join lateral (
            select s.ctid as tid, stepwell.claim_rank(s.created_at, s.priority) as rank
            from stepwell.workflow_status s
            where s.status = 'ENQUEUED' and not s.delayed and s.partition_key is null
              and s.namespace = tenant and s.app = of_app and s.queue = p.queue and s.route = p.route
            order by stepwell.claim_rank(s.created_at, s.priority)
            limit most
            for update skip locked
        ) picked
        where not exists (select from stepwell.queues q where q.namespace = tenant and q.name = p.queue and q.limited)
        order by picked.rank
        limit most))
    returning w.*;
end $$;

-- Both, first those with limits, of which `most_limited`; and one row without a run, for how the limits stand: its
-- opens_at is also when the next delayed run is due. That row says as well where the next claim goes on: a claim looks at
-- the next 1,000 pairs and queues, after those that it is given, and met_queue, met_route and met_partitioned are the last
-- of them, or null at the end. turning and what follows it are those of claim_limited.
create function stepwell.claim_runs(
    of_owner uuid, tenant text, of_app text, listened text[], routes text[], most integer, most_limited integer,
    after_queue text default '', after_route text default '', after_partitioned text default '',
    in_turn text[] default null, after_keys text[] default null
) returns table (
    run stepwell.workflow_status, held boolean, again boolean, opens_at timestamptz,
    met_queue text, met_route text, met_partitioned text, turning text[], met_keys text[], wrapped boolean[]
) language plpgsql volatile as $$
declare
    spare integer := most;
    one record;
    pairs record;
    here record;
    partitioned text[];
begin
    held := false;
    again := false;
    partitioned := array(select stepwell.waiting_queues(tenant, of_app, after_partitioned));
    if cardinality(partitioned) > 0 then
        insert into stepwell.queues (namespace, name)
        select tenant, w.name from unnest(partitioned) as w (name)
        where (listened is null or w.name = any (listened))
          and not exists (select from stepwell.queues c where c.namespace = tenant and c.name = w.name)
        on conflict do nothing;
    end if;
    pairs := stepwell.waiting_pairs(tenant, of_app, after_queue, after_route);  -- after what may have waited for a lock
    select array_agg(p.queue) as queues, array_agg(p.route) as routes into here
    from unnest(pairs.queues, pairs.routes) as p (queue, route)
    where p.route = any (claim_runs.routes) and (p.queue = '' or listened is null or p.queue = any (listened));
    if cardinality(partitioned) > 0 or here.queues[cardinality(here.queues)] <> '' then  -- '' comes first
        for one in
            select * from stepwell.claim_limited(
                of_owner, tenant, of_app, listened, routes, most_limited, here.queues, partitioned, in_turn, after_keys)
        loop
            run := one.run;
            held := one.held;
            again := one.again;
            opens_at := one.opens_at;
            turning := one.turning;
            met_keys := one.met_keys;
            wrapped := one.wrapped;
            exit when run.run_id is null;
            spare := spare - 1;
            return next;
        end loop;
    end if;
    opens_at := least(opens_at, (select min(s.not_before) from stepwell.workflow_status s
                                 where s.delayed and s.not_before > (select stepwell.clock())));
    met_queue := pairs.queues[1000];
    met_route := pairs.routes[1000];
    met_partitioned := partitioned[1000];
    return next;
    if spare > 0 and here.queues is not null then
        return query
        select u, null::boolean, null::boolean, null::timestamptz, null::text, null::text, null::text, null::text[],
               null::text[], null::boolean[]
        from stepwell.claim_unlimited(of_owner, tenant, of_app, spare, here.queues, here.routes) u;
    end if;
end $$;

revoke all on function
    stepwell.claim_rank(timestamptz, integer), stepwell.rate_room(text, text, text, integer, double precision, timestamptz),
    stepwell.note_starts(text, text, text, integer, double precision, timestamptz, integer),
    stepwell.forget_starts(integer),
    stepwell.waiting_pairs(text, text, text, text), stepwell.waiting_queues(text, text, text),
    stepwell.running(text, text, text, uuid, integer),
    stepwell.kept(text, text, text, integer),
    stepwell.partitions_in_turn(stepwell.queues, text, text, text[], integer, timestamptz),
    stepwell.take_runs(uuid, uuid[]), stepwell.claim_from_queue(stepwell.queues, text, uuid, text, text[], integer),
    stepwell.claim_limited(uuid, text, text, text[], text[], integer, text[], text[], text[], text[]),
    stepwell.claim_unlimited(uuid, text, text, integer, text[], text[]),
    stepwell.claim_runs(
        uuid, text, text, text[], text[], integer, integer, text, text, text, text[], text[]) from public;
