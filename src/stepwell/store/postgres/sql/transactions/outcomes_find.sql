-- The outcome that one operation has in this database. Called by: @transaction with a source. Index: primary key. Locks: nothing.
select t.name, t.epoch, t.fingerprint, t.output, t.codec_id
from json_to_record($1::text::json) as d (run_id uuid, branch text, seq integer)
join stepwell_transactions t on t.run_id = d.run_id and t.branch = d.branch and t.seq = d.seq
