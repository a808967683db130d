-- Frees the id that an ended run holds, for a start with on_conflict="replace". Called by: start with conn=.
-- Index: workflow_status_id. Locks: that run.
update stepwell.workflow_status s
set current = false
from json_to_record($1::text::json) as d (namespace text, workflow_id text)
where s.namespace = d.namespace and s.workflow_id = d.workflow_id and s.current and s.completed_at is not null
returning true
