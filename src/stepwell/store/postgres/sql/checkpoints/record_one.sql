-- checkpoints/record_many for a batch of one outcome, without arrays (a quarter less time).
-- Called by: commit. Index: primary keys of workflow_status (the fence) and operation_outputs.
-- Locks: the run FOR SHARE; never a run of another epoch.
insert into stepwell.operation_outputs
    (run_id, epoch, branch, seq, name, kind, ended, output, error, fingerprint, pos, elapsed, attempts, child_run,
     codec_id)
select $1::uuid, $2::integer, $3::text, $4::integer, $5::text, $6::text, $7::text, $8::text, $9::text, $10::bigint,
       $11::integer, $12::real, $13::smallint, $14::uuid, $15::text
where current_setting('transaction_isolation') = 'read committed'
  and (select set_config('lock_timeout', '250ms', true)) is not null
  and (select s.cancel_reason is null or s.run_id = any ($16::uuid[])
       from stepwell.workflow_status s
       where s.run_id = $1 and s.epoch = $2 and s.status = 'PENDING'
       for share)
