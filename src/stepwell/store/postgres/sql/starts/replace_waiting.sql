-- Ends runs that hold a dedup key and have not started, for starts with on_conflict="replace" and that key: but not where
-- the start will meet a run anyway, its own, its place's or the one of its id.
-- Called by: start, first in the transaction of the insert. Index: workflow_status_dedup, primary key,
-- workflow_status_gate, workflow_status_id. Locks: those runs, in the order of their keys.
update stepwell.workflow_status w
set status = 'CANCELLED', reason = 'replaced', cancel_reason = coalesce(w.cancel_reason, 'replaced'), delayed = false,
    completed_at = stepwell.clock()
where w.ctid = any (array(
    select s.ctid
    from unnest($2::text[], $3::uuid[], $4::text[], $5::text[], $6::uuid[], $7::text[], $8::integer[])
         as u (workflow_id, run_id, queue, dedup_key, parent_run_id, parent_branch, parent_seq)
    join stepwell.workflow_status s
      on s.namespace = $1::text and s.queue = coalesce(u.queue, '') and s.dedup_key = u.dedup_key
     and s.dedup_key is not null and s.current and s.completed_at is null
    where s.run_id <> u.run_id and s.status = 'ENQUEUED' and s.started_at is null
      and not exists (select from stepwell.workflow_status o where o.run_id = u.run_id)
      and not exists (select from stepwell.workflow_status o
                      where o.parent_run_id = u.parent_run_id and o.parent_branch = u.parent_branch
                        and o.parent_seq = u.parent_seq and o.current and o.parent_run_id is not null)
      and (u.parent_run_id is not null
           or not exists (select from stepwell.workflow_status o
                          where o.namespace = $1::text and o.workflow_id = u.workflow_id and o.current
                            and o.completed_at is null))
    order by s.queue, s.dedup_key
    for no key update of s))
