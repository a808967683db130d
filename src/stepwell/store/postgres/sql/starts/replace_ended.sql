-- Frees the ids that ended runs hold, for starts with on_conflict="replace"; not that of the start's own row, nor where the
-- start will attach to the run that has its dedup key.
-- Called by: start, before the insert in the same transaction. Index: workflow_status_id, workflow_status_dedup.
-- Locks: those runs, in the order of workflow_id.
update stepwell.workflow_status w
set current = false
where w.ctid = any (array(
    select s.ctid
    from unnest($2::text[], $3::uuid[], $4::text[], $5::text[], $6::uuid[], $7::text[], $8::integer[])
         as u (workflow_id, run_id, queue, dedup_key, parent_run_id, parent_branch, parent_seq)
    join stepwell.workflow_status s
      on s.namespace = $1::text and s.workflow_id = u.workflow_id and s.current and s.run_id <> u.run_id
    where s.completed_at is not null
      and not exists (select from stepwell.workflow_status o
                      where o.namespace = $1::text and o.queue = coalesce(u.queue, '') and o.dedup_key = u.dedup_key
                        and o.dedup_key is not null and o.current and o.completed_at is null)
    order by s.workflow_id
    for no key update of s))
