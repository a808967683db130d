-- The outcome of a transaction, in that transaction; nothing if there is one, or without the mark.
-- Called by: @transaction with a source. Index: primary key. Locks: the new row; waits for an older attempt that has not
-- ended.
insert into stepwell_transactions (run_id, branch, seq, epoch, name, fingerprint, output, codec_id)
select d.run_id, d.branch, d.seq, d.epoch, d.name, d.fingerprint, d.output, d.codec_id
from json_to_record($1::text::json)
     as d (run_id uuid, branch text, seq integer, epoch integer, name text, fingerprint bigint, output text,
           codec_id text, token text)
where current_setting('stepwell_transaction.token', true) = d.token
on conflict do nothing
returning true
