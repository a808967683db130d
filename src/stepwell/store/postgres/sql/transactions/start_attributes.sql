-- Keeps the searchable attributes of a run that was just started. Called by: start with conn=. Index: primary key.
-- Locks: the new row.
insert into stepwell.workflow_attributes (run_id, attributes)
select d.run_id, d.attributes::jsonb
from json_to_record($1::text::json) as d (run_id uuid, attributes text)
on conflict do nothing
returning true
