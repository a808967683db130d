-- Appends an item to the list that a run which waits, and has not started, is called with. With the last one it may
-- start at once, and gives its key away. $7: who starts: nothing if that is there, and so has its item already.
-- Called by: add_to_batch. Index: workflow_status_dedup, primary key. Locks: that run; waits for who holds it.
update stepwell.workflow_status w
set input = left(w.input, -3) || ',' || $4::text || ']]}',
    delayed = w.delayed and not n.full, not_before = case when n.full then stepwell.clock() else w.not_before end,
    dedup_key = case when not n.full then w.dedup_key end
from (select s.ctid as tid, json_array_length(s.input::json -> 'args' -> 0) + 1 >= $5::integer as full
      from stepwell.workflow_status s
      where s.namespace = $1::text and s.queue = $2::text and s.dedup_key = $3::text and s.dedup_key is not null
        and s.current and s.completed_at is null and s.status = 'ENQUEUED' and s.started_at is null
        and octet_length(s.input) + octet_length($4::text) < $6::integer
        and not exists (select from stepwell.workflow_status o where o.run_id = $7::uuid)
      for no key update of s) n
where w.ctid = n.tid
returning w.run_id, w.workflow_id, w.name, w.input_digest, w.status, extract(epoch from w.deadline)::double precision
