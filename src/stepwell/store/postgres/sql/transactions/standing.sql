-- How one operation and its run stand: what is recorded, whether this execution owns the run, which epoch took outcomes back.
-- Called by: standing (after an error at COMMIT; before the COMMIT in another database). Index: primary keys. Locks: nothing.
select exists (select from stepwell.workflow_status s
               where s.run_id = $1::uuid and s.epoch = $2::integer and s.status = 'PENDING') as owned,
       coalesce((select max(a.epoch) from stepwell.archived_outcomes a where a.run_id = $1 and a.what = 'step'), -1) as rewound,
       o.name, o.kind, o.ended, o.output, o.error, o.fingerprint, o.pos, o.epoch, o.attempts::integer, o.child_run,
       o.codec_id, extract(epoch from o.completed_at)::double precision
from (values (true)) as one (row)
left join stepwell.operation_outputs o on o.run_id = $1 and o.branch = $3::text and o.seq = $4::integer
