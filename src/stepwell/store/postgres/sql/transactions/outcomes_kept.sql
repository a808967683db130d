-- Runs that have outcomes here, in pages. Called by: the janitor. Index: primary key. Locks: nothing.
with page as (select d.after, d.most from json_to_record($1::text::json) as d (after uuid, most integer))
select distinct t.run_id::text
from stepwell_transactions t
where t.run_id > (select after from page)
order by 1
limit (select most from page)
