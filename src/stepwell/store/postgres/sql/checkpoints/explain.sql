-- Says for every outcome of a batch what is stored at its place, and how its run stands.
-- Called by: commit's careful form, in the transaction of checkpoints/record_carefully, with a newer snapshot.
-- Index: primary keys of workflow_status and operation_outputs. Locks: nothing.
select u.ordinal, o.run_id is not null as stored, coalesce(o.epoch, 0) as stored_epoch,
       o.run_id is not null and o.name = u.name and o.kind = u.kind and o.ended = u.ended
           and o.fingerprint = u.fingerprint and o.output is not distinct from u.output
           and o.error is not distinct from u.error and o.child_run is not distinct from u.child_run as same,
       coalesce(s.epoch = u.epoch, false) as same_epoch,
       coalesce(s.status = 'PENDING', false) as pending, s.cancel_reason
from unnest($1::uuid[], $2::integer[], $3::text[], $4::integer[], $5::text[], $6::text[], $7::text[], $8::text[],
            $9::text[], $10::bigint[], $11::uuid[])
     with ordinality as u (run_id, epoch, branch, seq, name, kind, ended, output, error, fingerprint, child_run, ordinal)
left join stepwell.operation_outputs o on o.run_id = u.run_id and o.branch = u.branch and o.seq = u.seq
left join stepwell.workflow_status s on s.run_id = u.run_id
