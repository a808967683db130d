-- Which of these executions still own their runs: leaves/leave has passed over them. By ordinal.
-- Called by: leave, after its commit, if not all have left. Index: primary key of workflow_status. Locks: nothing.
select u.ordinal
from unnest($1::uuid[], $2::integer[]) with ordinality as u (run_id, epoch, ordinal)
where (select true from stepwell.workflow_status s
       where s.run_id = u.run_id and s.epoch = u.epoch and s.status = 'PENDING')
