-- Takes the runs whose owner has no executor row at all. Steps through the distinct owners by the index: an
-- anti-join over all owned runs would read them all.
-- Called by: reap_orphans. Index: workflow_status_owner, executors_pkey, primary keys.
-- Locks: those runs, passing over locked ones.
with recursive owners as (
    (select s.owner from stepwell.workflow_status s where s.owner is not null order by s.owner limit 1)
    union all
    select (select s.owner from stepwell.workflow_status s where s.owner > n.owner order by s.owner limit 1)
    from owners n
    where n.owner is not null
), gone as materialized (
    select n.owner
    from owners n
    where n.owner is not null and not exists (select from stepwell.executors e where e.incarnation = n.owner)
), picked as materialized (
    select l.tid, l.recoveries
    from gone d
    cross join lateral (
        select s.ctid as tid,
               case when (select true from stepwell.operation_outputs o
                          where o.run_id = s.run_id and o.epoch = s.epoch limit 1) then 1
                    else s.recoveries + 1 end as recoveries
        from stepwell.workflow_status s
        where s.owner = d.owner
        limit $1::integer
        for no key update skip locked
    ) l
    limit $1::integer
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
