-- Merges a JSON object into a run's attributes; a key whose value is null is removed.
-- Called by: update_attributes. Index: primary keys. Locks: that row.
insert into stepwell.workflow_attributes as a (run_id, attributes)
select s.run_id, $2::text::jsonb - array(select e.key from jsonb_each($2::text::jsonb) e where e.value = 'null'::jsonb)
from stepwell.workflow_status s
where s.run_id = $1::uuid
on conflict (run_id) do update
set attributes = (a.attributes || $2::text::jsonb)
                 - array(select e.key from jsonb_each($2::text::jsonb) e where e.value = 'null'::jsonb)
