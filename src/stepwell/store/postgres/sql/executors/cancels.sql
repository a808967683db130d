-- Pending cancellations of the runs that this process owns.
-- Called by: cancels, the heartbeat's thread. Index: workflow_status_cancelling. Locks: nothing.
select s.run_id, s.cancel_reason
from stepwell.workflow_status s
where s.owner = $1::uuid and s.cancel_reason is not null and s.completed_at is null
