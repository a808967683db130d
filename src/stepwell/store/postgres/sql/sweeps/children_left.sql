-- Children that were to end with their parent, live, and not asked to; of parents that have ended or are gone. Looks
-- at so many parents, in the order of their ids from one on, by steps through the index: most of them are running.
-- The last row is the parent where to go on; no id: those were all.
-- Called by: children_left. Index: workflow_status_closing, primary key. Locks: none.
with recursive parents as (
    (select s.parent_run_id, 1 as number
     from stepwell.workflow_status s
     where s.parent_run_id > $1::uuid
       and s.current and s.parent_close = 'cancel' and s.cancel_reason is null and s.completed_at is null
     order by s.parent_run_id limit 1)
    union all
    select (select s.parent_run_id
            from stepwell.workflow_status s
            where s.parent_run_id > p.parent_run_id
              and s.current and s.parent_close = 'cancel' and s.cancel_reason is null and s.completed_at is null
            order by s.parent_run_id limit 1), p.number + 1
    from parents p
    where p.parent_run_id is not null and p.number < $2::integer
), ended as materialized (
    select p.parent_run_id
    from parents p
    where p.parent_run_id is not null
      and not exists (select from stepwell.workflow_status w where w.run_id = p.parent_run_id and w.completed_at is null)
), left_over as (
    select c.run_id
    from ended e
    cross join lateral (
        select s.run_id
        from stepwell.workflow_status s
        where s.parent_run_id = e.parent_run_id
          and s.current and s.parent_close = 'cancel' and s.cancel_reason is null and s.completed_at is null
        limit $3::integer
    ) c
    limit $3::integer
)
select l.run_id, false as is_parent from left_over l
union all
select (select p.parent_run_id from parents p where p.number = $2::integer), true
