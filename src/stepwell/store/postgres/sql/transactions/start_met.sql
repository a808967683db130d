-- The current run that has the id already. Called by: start with conn=. Index: workflow_status_id. Locks: nothing.
select s.run_id::text, s.workflow_id, s.name, s.input_digest, s.status,
       extract(epoch from s.deadline)::double precision
from json_to_record($1::text::json) as d (namespace text, workflow_id text)
join stepwell.workflow_status s on s.namespace = d.namespace and s.workflow_id = d.workflow_id and s.current
