-- The checkpoint of a user's transaction, in that transaction: the fence, the mark and the outcome in one statement.
-- Called by: @transaction, last before COMMIT. Index: primary keys of workflow_status (the fence) and operation_outputs.
-- Locks: the run FOR SHARE; never a run of another epoch. Waits for an older attempt that has not ended.
-- A pending cancellation does not keep it from being written: the next operation delivers it.
insert into stepwell.operation_outputs
    (run_id, epoch, branch, seq, name, kind, ended, output, error, fingerprint, pos, elapsed, attempts, codec_id)
select d.run_id, d.epoch, d.branch, d.seq, d.name, d.kind, d.ended, d.output, d.error, d.fingerprint, d.pos, d.elapsed,
       d.attempts, d.codec_id
from json_to_record($1::text::json)
     as d (run_id uuid, epoch integer, branch text, seq integer, name text, kind text, ended text, output text,
           error text, fingerprint bigint, pos integer, elapsed real, attempts smallint, codec_id text, token text)
where current_setting('stepwell_transaction.token', true) = d.token
  and (select true
       from stepwell.workflow_status s
       where s.run_id = d.run_id and s.epoch = d.epoch and s.status = 'PENDING'
       for share)
on conflict do nothing
returning true
