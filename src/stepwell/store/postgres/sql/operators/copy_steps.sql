-- Gives a new run copies of another's outcomes before a position; they belong to no execution of its own.
-- Called by: fork, after the insert in the same transaction. Index: primary keys. Locks: the new rows.
insert into stepwell.operation_outputs
    (run_id, epoch, branch, seq, name, kind, ended, output, error, fingerprint, pos, elapsed, attempts, child_run, codec_id,
     format, completed_at)
select $2::uuid, 0, o.branch, o.seq, o.name, o.kind, o.ended, o.output, o.error, o.fingerprint, o.pos, o.elapsed,
       o.attempts, o.child_run, o.codec_id, o.format, o.completed_at
from stepwell.operation_outputs o
where o.run_id = $1::uuid and o.pos < $3::integer
on conflict do nothing
