-- Keeps what has begun and not ended; returns each with its due time. Safe to send again.
-- Called by: commit. Index: primary keys of workflow_status (the fence) and operation_intents.
-- Locks: the runs FOR SHARE in the order of the arrays (sorted by run_id).
-- A pending cancellation that the caller does not know of yet ($11) counts as not kept, as for checkpoints.
-- Nothing begins any more whose outcome is recorded: an older attempt of the same batch may arrive late.
-- The first due time of a wait stays, also across takeovers; so does that of the same attempt sent twice.
insert into stepwell.operation_intents as i (run_id, epoch, branch, seq, name, kind, attempt, due, error)
select u.run_id, u.epoch, u.branch, u.seq, u.name, u.kind, coalesce(u.attempt, 0),
       coalesce(to_timestamp(u.due), stepwell.clock() + make_interval(secs => u.delay)), u.error
from unnest($1::uuid[], $2::integer[], $3::text[], $4::integer[], $5::text[], $6::text[], $7::integer[],
            $8::double precision[], $9::double precision[], $10::text[])
     as u (run_id, epoch, branch, seq, name, kind, attempt, delay, due, error)
where current_setting('transaction_isolation') = 'read committed'
  and (select set_config('lock_timeout', '250ms', true)) is not null
  and (select s.cancel_reason is null or s.run_id = any ($11::uuid[])
       from stepwell.workflow_status s
       where s.run_id = u.run_id and s.epoch = u.epoch and s.status = 'PENDING'
       for share)
  and not exists (select from stepwell.operation_outputs o
                  where o.run_id = u.run_id and o.branch = u.branch and o.seq = u.seq)
on conflict (run_id, branch, seq) do update
set epoch = excluded.epoch, kind = excluded.kind, attempt = excluded.attempt, error = excluded.error,
    due = case
        when i.kind = 'wait' and excluded.kind = 'wait' then i.due
        when i.kind = excluded.kind and i.epoch = excluded.epoch and i.attempt = excluded.attempt then i.due
        else excluded.due end
returning run_id, branch, seq, extract(epoch from due)::double precision,
          extract(epoch from stepwell.clock())::double precision
