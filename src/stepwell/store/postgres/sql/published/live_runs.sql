-- A page of the runs of some workflows that have not ended and that nobody has asked to stop, of an app, up to an instant.
-- Called by: live_runs. Index: workflow_status_owner for what is executed, workflow_status_unusual for the rest: no index
-- of the live runs by name, which every start would pay for; and not workflow_status_name, which holds all that have
-- ended (the name is hidden from it). Locks: nothing.
select l.run_id
from (select s.run_id, s.namespace, s.app, s.name, s.current, s.completed_at, s.cancel_reason, s.created_at
      from stepwell.workflow_status s
      where s.owner is not null
      union all
      select s.run_id, s.namespace, s.app, s.name, s.current, s.completed_at, s.cancel_reason, s.created_at
      from stepwell.workflow_status s
      where s.namespace = $1::text and s.status in ('ENQUEUED', 'WAITING', 'BLOCKED', 'DEAD')
        and s.status not in ('PENDING', 'SUCCESS')) l
where l.namespace = $1::text and l.app = $2::text and l.name || '' = any ($3::text[]) and l.current
  and l.completed_at is null and l.cancel_reason is null and ($4::double precision is null or l.created_at <= to_timestamp($4::double precision))
  and ($5::uuid is null or l.run_id > $5::uuid)
order by l.run_id
limit $6::integer
