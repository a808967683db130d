-- Removes the outcomes of runs that have ended. Called by: the janitor. Index: primary key. Locks: those rows.
delete from stepwell_transactions
where run_id = any (select value::uuid from json_array_elements_text($1::text::json))
returning true
