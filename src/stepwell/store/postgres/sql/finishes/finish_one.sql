-- Writes the outcome of one run, under its fence; returns it.
-- Called by: commit, after the checkpoints in the same transaction. Index: primary key.
-- Locks: the run FOR NO KEY UPDATE. Refuses what the fence of the checkpoints refuses, so that a finish is
-- never accepted without the checkpoints of its batch.
update stepwell.workflow_status s
set status = $3::text, output = $4::text, error = $5::text, reason = $6::text, output_codec_id = $7::text, owner = null,
    completed_at = stepwell.clock()
where s.run_id = $1::uuid and s.epoch = $2::integer and s.status = 'PENDING'
  and (s.cancel_reason is null or s.run_id = any ($8::uuid[]))
  and current_setting('transaction_isolation') = 'read committed'
  and (select set_config('lock_timeout', '250ms', true)) is not null
returning s.run_id
