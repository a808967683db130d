-- From now on the children of a run do not end with it.
-- Called by: abandon_children. Index: workflow_status_gate. Locks: those children, in the order of run_id.
update stepwell.workflow_status w
set parent_close = 'abandon'
where w.ctid = any (array(
    select s.ctid
    from stepwell.workflow_status s
    where s.parent_run_id = $1::uuid and s.parent_run_id is not null and s.current and s.completed_at is null
    order by s.run_id
    for no key update))
