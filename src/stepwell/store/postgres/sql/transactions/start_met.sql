-- The current run that has the id already, or else the one that has the dedup key.
-- Called by: start with conn=. Index: workflow_status_id, workflow_status_dedup. Locks: nothing.
select m.run_id::text, m.workflow_id, m.name, m.input_digest, m.status, extract(epoch from m.deadline)::double precision,
       m.deduplicated
from json_to_record($1::text::json) as d (namespace text, workflow_id text, queue text, dedup_key text)
cross join lateral (
    (select s.*, false as deduplicated
     from stepwell.workflow_status s
     where s.namespace = d.namespace and s.workflow_id = d.workflow_id and s.current)
    union all
    (select s.*, true
     from stepwell.workflow_status s
     where s.namespace = d.namespace and s.queue = coalesce(d.queue, '') and s.dedup_key = d.dedup_key
       and s.dedup_key is not null and s.current and s.completed_at is null)) m
order by m.deduplicated
limit 1
