-- Takes a dedup key from the run that holds it ($5: if it is that one), so that another may; $4: also from one that
-- waits, which may start at once then. $6: who starts: nothing if that is there already.
-- Called by: debounce, add_to_batch, supersede. Index: workflow_status_dedup, primary key. Locks: that run; waits for who holds it.
update stepwell.workflow_status w
set dedup_key = null, delayed = w.delayed and not $4::boolean,
    not_before = case when w.delayed and $4::boolean then stepwell.clock() else w.not_before end
where w.ctid = any (array(
    select s.ctid
    from stepwell.workflow_status s
    where s.namespace = $1::text and s.queue = $2::text and s.dedup_key = $3::text and s.dedup_key is not null
      and s.current and s.completed_at is null and ($5::uuid is null or s.run_id = $5::uuid)
      and ($4::boolean or s.status <> 'ENQUEUED' or s.started_at is not null)
      and not exists (select from stepwell.workflow_status o where o.run_id = $6::uuid)
    for no key update))
