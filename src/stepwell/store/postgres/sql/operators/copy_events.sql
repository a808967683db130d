-- Gives a new run the events of another that were last set before a position; the places that set them are copied.
-- Called by: fork, after operators/copy_steps in the same transaction. Index: primary keys. Locks: the new rows.
insert into stepwell.events (run_id, set_at, branch, seq, key, value, format, codec_id)
select $2::uuid, e.set_at, e.branch, e.seq, e.key, e.value, e.format, e.codec_id
from stepwell.events e
where e.run_id = $1::uuid
  and (select true from stepwell.operation_outputs o
       where o.run_id = e.run_id and o.branch = e.branch and o.seq = e.seq and o.pos < $3::integer)
on conflict do nothing
