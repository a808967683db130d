-- A run's recorded outcomes by pos, then what it has begun.
-- Called by: list_steps. Index: primary keys. Locks: nothing.
(select o.run_id, o.branch, o.seq, o.name, o.kind, o.ended,
        case when $4::boolean then o.output end, case when $4::boolean then o.error end, o.codec_id, o.attempts::integer,
        o.pos, o.epoch, o.child_run, extract(epoch from o.completed_at)::double precision - o.elapsed::double precision,
        extract(epoch from o.completed_at)::double precision, null::double precision
 from stepwell.operation_outputs o
 where o.run_id = $1::uuid and o.pos > $2::integer
 order by o.pos
 limit $3::integer)
union all
(select i.run_id, i.branch, i.seq, i.name, i.kind, null, null, case when $4::boolean then i.error end, null, i.attempt,
        null, i.epoch, null, extract(epoch from i.created_at)::double precision, null,
        extract(epoch from i.due)::double precision
 from stepwell.operation_intents i
 where i.run_id = $1::uuid
 order by i.created_at, i.branch, i.seq
 limit $3::integer)
