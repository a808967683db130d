-- The run that holds a dedup key, unless who starts ($4) is there already.
-- Called by: supersede. Index: workflow_status_dedup, primary key. Locks: nothing.
select s.run_id
from stepwell.workflow_status s
where s.namespace = $1::text and s.queue = $2::text and s.dedup_key = $3::text and s.dedup_key is not null
  and s.current and s.completed_at is null
  and not exists (select from stepwell.workflow_status o where o.run_id = $4::uuid)
