-- Records the outcomes of one batch: the fast form, the number of inserted rows is the verdict.
-- Called by: commit. Index: primary keys of workflow_status (the fence) and operation_outputs.
-- Locks: the runs FOR SHARE, in the order of the arrays (sorted by run_id); never a run of another epoch.
-- A pending cancellation that the caller does not know of yet ($16) counts as not written: the careful form
-- then writes the row and reports it. An isolation other than READ COMMITTED writes nothing at all.
insert into stepwell.operation_outputs
    (run_id, epoch, branch, seq, name, kind, ended, output, error, fingerprint, pos, elapsed, attempts, child_run,
     codec_id)
select u.run_id, u.epoch, u.branch, u.seq, u.name, u.kind, u.ended, u.output, u.error, u.fingerprint, u.pos, u.elapsed,
       coalesce(u.attempts, 1::smallint), u.child_run, u.codec_id
from unnest($1::uuid[], $2::integer[], $3::text[], $4::integer[], $5::text[], $6::text[], $7::text[], $8::text[],
            $9::text[], $10::bigint[], $11::integer[], $12::real[], $13::smallint[], $14::uuid[], $15::text[])
     as u (run_id, epoch, branch, seq, name, kind, ended, output, error, fingerprint, pos, elapsed, attempts, child_run,
           codec_id)
where current_setting('transaction_isolation') = 'read committed'
  and (select set_config('lock_timeout', '250ms', true)) is not null
  and (select s.cancel_reason is null or s.run_id = any ($16::uuid[])
       from stepwell.workflow_status s
       where s.run_id = u.run_id and s.epoch = u.epoch and s.status = 'PENDING'
       for share)
