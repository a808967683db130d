-- Records the outcomes of a batch whose fast form did not add up; returns the ordinals that it wrote.
-- Called by: commit's careful form. Index: primary keys of workflow_status and operation_outputs.
-- Locks: the runs FOR SHARE in the order of run_id, passing over those that somebody else has locked.
-- A pending cancellation does not keep an outcome from being written.
with fence as materialized (
    select s.run_id, s.epoch
    from stepwell.workflow_status s
    where s.run_id = any ($1::uuid[]) and s.status = 'PENDING'
    order by s.run_id
    for share skip locked
), wanted as materialized (
    select u.*
    from unnest($1::uuid[], $2::integer[], $3::text[], $4::integer[], $5::text[], $6::text[], $7::text[], $8::text[],
                $9::text[], $10::bigint[], $11::integer[], $12::real[], $13::smallint[], $14::uuid[], $15::text[])
         with ordinality
         as u (run_id, epoch, branch, seq, name, kind, ended, output, error, fingerprint, pos, elapsed, attempts,
               child_run, codec_id, ordinal)
), written as (
    insert into stepwell.operation_outputs
        (run_id, epoch, branch, seq, name, kind, ended, output, error, fingerprint, pos, elapsed, attempts, child_run,
         codec_id)
    select u.run_id, u.epoch, u.branch, u.seq, u.name, u.kind, u.ended, u.output, u.error, u.fingerprint, u.pos,
           u.elapsed, coalesce(u.attempts, 1::smallint), u.child_run, u.codec_id
    from wanted u join fence f on f.run_id = u.run_id and f.epoch = u.epoch
    order by u.ordinal
    on conflict do nothing
    returning run_id, branch, seq
)
select min(u.ordinal)
from wanted u join written using (run_id, branch, seq)
group by run_id, branch, seq
