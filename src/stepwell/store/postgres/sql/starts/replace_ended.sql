-- Frees the ids that ended runs hold, for starts with on_conflict="replace"; not that of the start's own row.
-- Called by: start, before the insert in the same transaction. Index: workflow_status_id.
-- Locks: those runs, in the order of workflow_id.
update stepwell.workflow_status w
set current = false
where w.ctid = any (array(
    select s.ctid
    from unnest($2::text[], $3::uuid[]) as u (workflow_id, run_id)
    join stepwell.workflow_status s
      on s.namespace = $1::text and s.workflow_id = u.workflow_id and s.current and s.run_id <> u.run_id
    where s.completed_at is not null
    order by s.workflow_id
    for no key update of s))
