-- Keeps the searchable attributes of runs that were just started, if they are there.
-- Called by: start, commit, after the insert in the same transaction. Index: primary keys.
-- Locks: the new rows.
insert into stepwell.workflow_attributes (run_id, attributes)
select u.run_id, u.attributes::jsonb
from unnest($1::uuid[], $2::text[]) as u (run_id, attributes)
where u.attributes is not null
  and (select true from stepwell.workflow_status s where s.run_id = u.run_id)
on conflict do nothing
