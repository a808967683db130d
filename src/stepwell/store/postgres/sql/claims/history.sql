-- One page of a run's recorded outcomes, by pos, at least one row and about $3 bytes at most.
-- Called by: claim, for histories too large for one answer. Index: operation_outputs_pkey. Locks: nothing.
select o.branch, o.seq, o.name, o.kind, o.ended, o.output, o.error, o.fingerprint, o.pos, o.epoch, o.attempts::integer,
       o.child_run, o.codec_id, extract(epoch from o.completed_at)::double precision
from stepwell.operation_outputs o
join (select p.branch, p.seq,
             sum(coalesce(length(p.output), 0) + coalesce(length(p.error), 0) + 200) over (order by p.pos, p.branch, p.seq)
                 - (coalesce(length(p.output), 0) + coalesce(length(p.error), 0) + 200) as bytes_before
      from stepwell.operation_outputs p
      where p.run_id = $1::uuid and p.pos > $2::integer) page
  on page.branch = o.branch and page.seq = o.seq
where o.run_id = $1::uuid and page.bytes_before < $3::bigint
order by o.pos
