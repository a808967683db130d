-- One page of a run's recorded outcomes after a pos: at least one row, and about $3 bytes.
-- Called by: claim, for what did not fit into claims/take. Index: operation_outputs_pkey. Locks: nothing.
select h.branch, h.seq, h.name, h.kind, h.ended, h.output, h.error, h.fingerprint, h.pos, h.epoch, h.attempts::integer,
       h.child_run, h.codec_id, extract(epoch from h.completed_at)::double precision
from (select o.*, sum(coalesce(octet_length(o.output), 0) + coalesce(octet_length(o.error), 0))
                      over (order by o.pos rows between unbounded preceding and 1 preceding) as bytes_before
      from stepwell.operation_outputs o
      where o.run_id = $1::uuid and o.pos > $2::integer) h
where coalesce(h.bytes_before, 0) < $3::bigint
order by h.pos
