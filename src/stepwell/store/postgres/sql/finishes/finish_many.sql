-- finishes/finish_one for many runs. An upsert used as an update, so that no join is planned: the fence in
-- WHERE lets only rows through that exist and that it has locked, so nothing is ever inserted.
-- Called by: commit, after the checkpoints in the same transaction. Index: primary key.
-- Locks: the runs FOR NO KEY UPDATE, in the order of the arrays (sorted by run_id).
insert into stepwell.workflow_status as w
    (run_id, epoch, status, output, error, reason, output_codec_id, completed_at, current, workflow_id, name, route, input,
     input_digest)
select u.run_id, u.epoch, u.status, u.output, u.error, u.reason, u.codec_id, stepwell.clock(), false, '', '', '', '', ''
from unnest($1::uuid[], $2::integer[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[])
     as u (run_id, epoch, status, output, error, reason, codec_id)
where current_setting('transaction_isolation') = 'read committed'
  and (select set_config('lock_timeout', '250ms', true)) is not null
  and (select s.cancel_reason is null or s.run_id = any ($8::uuid[])
       from stepwell.workflow_status s
       where s.run_id = u.run_id and s.epoch = u.epoch and s.status = 'PENDING'
       for no key update)
on conflict (run_id) do update
set status = excluded.status, output = excluded.output, error = excluded.error, reason = excluded.reason,
    output_codec_id = excluded.output_codec_id, completed_at = excluded.completed_at, owner = null
where w.epoch = excluded.epoch and w.status = 'PENDING'
returning w.run_id
