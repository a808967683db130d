-- Takes the runs of executors whose lease is over and whose beat has not moved since it was observed.
-- Called by: reap. Index: executors_pkey, workflow_status_owner, primary keys.
-- Locks: the executors FOR UPDATE (a beat waits, then finds out), then their runs, passing over locked ones.
-- Counts against max_recoveries, from one again if the lost execution recorded an outcome.
with dead as materialized (
    select e.incarnation
    from unnest($1::uuid[], $2::bigint[]) as u (incarnation, beat)
    join stepwell.executors e on e.incarnation = u.incarnation and e.beat = u.beat
    where e.lease_until <= (select stepwell.clock())
    for update of e skip locked
), picked as materialized (
    select l.tid, l.recoveries
    from dead d
    cross join lateral (
        select s.ctid as tid,
               case when (select true from stepwell.operation_outputs o
                          where o.run_id = s.run_id and o.epoch = s.epoch limit 1) then 1
                    else s.recoveries + 1 end as recoveries
        from stepwell.workflow_status s
        where s.owner = d.incarnation
        limit $3::integer
        for no key update skip locked
    ) l
    limit $3::integer
), taken as (
    update stepwell.workflow_status w
    set owner = null, epoch = w.epoch + 1, recoveries = f.recoveries,
        status = case when f.recoveries > w.max_recoveries then 'DEAD' else 'ENQUEUED' end,
        reason = case when f.recoveries > w.max_recoveries
                      then 'max_recoveries: taken over too often without a new checkpoint' end
    from picked f
    where w.ctid = f.tid
    returning w.run_id
)
select count(*) from taken
