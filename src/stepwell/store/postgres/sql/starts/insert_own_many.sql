-- Inserts runs of our own with ids that nobody else can know: no conflict is expected, one is an error.
-- Called by: start; commit, before the checkpoints in the same transaction. Index: none but those it writes.
-- Locks: the new rows.
insert into stepwell.workflow_status
    (namespace, app, run_id, workflow_id, name, route, owner, input, input_digest, version, instance, code_hint,
     codec_id, queue, priority, parent_run_id, parent_branch, parent_seq, parent_close, root_run_id, max_recoveries, status,
     epoch, attempts, started_at, not_before, delayed, deadline, partition_key, dedup_key, expires_at)
select $1::text, $2::text, u.run_id, u.workflow_id, u.name, u.route, u.owner, u.input, u.input_digest, u.version,
       u.instance, u.code_hint, u.codec_id, coalesce(u.queue, ''), coalesce(u.priority, 0), u.parent_run_id,
       u.parent_branch, u.parent_seq, coalesce(u.parent_close, 'cancel'), u.root_run_id, u.max_recoveries,
       case when u.owner is null then 'ENQUEUED' else 'PENDING' end,
       case when u.owner is null then 0 else 1 end,
       case when u.owner is null then 0 else 1 end,
       case when u.owner is not null then stepwell.clock() end,
       coalesce(to_timestamp(u.not_before), stepwell.clock() + make_interval(secs => u.delay)),
       u.owner is null
           and coalesce(coalesce(to_timestamp(u.not_before), stepwell.clock() + make_interval(secs => u.delay))
                        > stepwell.clock(), false),
       least(to_timestamp(u.deadline), stepwell.clock() + make_interval(secs => u.timeout)),
       u.partition_key, u.dedup_key,
       stepwell.clock() + make_interval(secs => u.expires)
from unnest($3::uuid[], $4::text[], $5::text[], $6::text[], $7::uuid[], $8::text[], $9::text[], $10::text[],
            $11::text[], $12::text[], $13::text[], $14::text[], $15::integer[], $16::double precision[],
            $17::double precision[], $18::double precision[], $19::double precision[], $20::uuid[],
            $21::text[], $22::integer[], $23::text[], $24::uuid[], $25::integer[], $26::text[], $27::text[],
            $28::double precision[])
     as u (run_id, workflow_id, name, route, owner, input, input_digest, version, instance, code_hint,
           codec_id, queue, priority, delay, not_before, timeout, deadline, parent_run_id, parent_branch,
           parent_seq, parent_close, root_run_id, max_recoveries, partition_key, dedup_key, expires)
where current_setting('transaction_isolation') = 'read committed'
  and (select set_config('lock_timeout', '250ms', true)) is not null
