-- Locks a run and says how it stands, where its recorded cancellation begins, and where a given outcome lies.
-- Called by: resume, rewind, fork, first in their transaction. Index: primary keys. Locks: the run FOR UPDATE.
select s.status, s.epoch,
       (select min(o.pos) from stepwell.operation_outputs o where o.run_id = s.run_id and o.kind = 'cancel') as cancel_pos,
       (select o.pos from stepwell.operation_outputs o
        where o.run_id = s.run_id and o.branch = $2::text and o.seq = $3::integer) as step_pos
from stepwell.workflow_status s
where s.run_id = $1::uuid
for update of s
