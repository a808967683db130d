-- Which of these executions own their runs; they keep them until the transaction ends.
-- Called by: publish, first in its transaction. Index: primary key of workflow_status.
-- Locks: the runs FOR SHARE in the order of the arrays (sorted by run_id); never a run of another epoch.
select u.run_id, u.epoch
from unnest($1::uuid[], $2::integer[]) as u (run_id, epoch)
where (select true from stepwell.workflow_status s
       where s.run_id = u.run_id and s.epoch = u.epoch and s.status = 'PENDING'
       for share)
