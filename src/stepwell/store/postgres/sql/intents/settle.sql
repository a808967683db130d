-- Removes the intents of outcomes that are recorded.
-- Called by: commit, after the checkpoints in the same transaction. Index: primary keys of both tables.
-- Locks: the intents' rows.
delete from stepwell.operation_intents
where ctid = any (array(
    select (select i.ctid
            from stepwell.operation_intents i
            where i.run_id = u.run_id and i.branch = u.branch and i.seq = u.seq
              and exists (select from stepwell.operation_outputs o
                          where o.run_id = u.run_id and o.branch = u.branch and o.seq = u.seq))
    from unnest($1::uuid[], $2::text[], $3::integer[]) as u (run_id, branch, seq)))
