-- Gives a run that waits, and has not started, another input and another delay.
-- $9: who starts: nothing if that is there, and so has been heard before; others may have come since.
-- Called by: debounce. Index: workflow_status_dedup, primary key. Locks: that run; waits for who holds it.
update stepwell.workflow_status w
set input = $4::text, input_digest = $5::text, codec_id = $6::text, not_before = n.not_before,
    delayed = n.not_before > stepwell.clock()
from (select s.ctid as tid,
             least(stepwell.clock() + make_interval(secs => $7::double precision),
                   s.created_at + make_interval(secs => $8::double precision)) as not_before
      from stepwell.workflow_status s
      where s.namespace = $1::text and s.queue = $2::text and s.dedup_key = $3::text and s.dedup_key is not null
        and s.current and s.completed_at is null and s.status = 'ENQUEUED' and s.started_at is null
        and not exists (select from stepwell.workflow_status o where o.run_id = $9::uuid)
      for no key update of s) n
where w.ctid = n.tid
returning w.run_id, w.workflow_id, w.name, w.input_digest, w.status, extract(epoch from w.deadline)::double precision
