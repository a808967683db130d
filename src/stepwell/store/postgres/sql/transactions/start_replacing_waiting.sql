-- Ends the run that holds a dedup key and has not started, for a start with on_conflict="replace" and that key; not if the
-- start will attach to the run that has its id. Called by: start with conn=, after transactions/start_replacing.
-- Index: workflow_status_dedup, workflow_status_id. Locks: that run.
update stepwell.workflow_status s
set status = 'CANCELLED', reason = 'replaced', cancel_reason = coalesce(s.cancel_reason, 'replaced'), delayed = false,
    completed_at = stepwell.clock()
from json_to_record($1::text::json) as d (namespace text, workflow_id text, queue text, dedup_key text)
where s.namespace = d.namespace and s.queue = coalesce(d.queue, '') and s.dedup_key = d.dedup_key
  and s.dedup_key is not null and s.current and s.completed_at is null and s.status = 'ENQUEUED' and s.started_at is null
  and not exists (select from stepwell.workflow_status i
                  where i.namespace = d.namespace and i.workflow_id = d.workflow_id and i.current)
returning true
