-- Removes an outcome that a rewind has taken back. Called by: @transaction with a source. Index: primary key. Locks: that row.
delete from stepwell_transactions t
using json_to_record($1::text::json) as d (run_id uuid, branch text, seq integer)
where t.run_id = d.run_id and t.branch = d.branch and t.seq = d.seq
returning true
