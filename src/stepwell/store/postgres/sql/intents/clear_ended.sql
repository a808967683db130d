-- Removes what runs had begun that have ended.
-- Called by: commit, after the finishes in the same transaction. Index: primary keys of both tables.
-- Locks: the intents' rows.
delete from stepwell.operation_intents
where ctid = any (array(
    select i.ctid
    from unnest($1::uuid[]) as u (run_id)
    cross join lateral (
        select o.ctid
        from stepwell.operation_intents o
        where o.run_id = u.run_id
          and (select s.completed_at is not null from stepwell.workflow_status s where s.run_id = u.run_id)
        order by o.run_id, o.branch, o.seq
        limit 1000
    ) i))
