-- Lets the places of a run publish again that have published and have no outcome: they are executed anew.
-- Called by: rewind, after operators/archive_steps in its transaction. Index: primary keys. Locks: those rows.
delete from stepwell.publications p
where p.run_id = $1::uuid
  and (select true from stepwell.operation_outputs o
       where o.run_id = p.run_id and o.branch = p.branch and o.seq = p.seq) is null
