-- How these runs stand, whoever has them locked.
-- Called by: commit's careful form for intents. Index: primary key of workflow_status. Locks: nothing.
select s.run_id, s.epoch, s.status = 'PENDING' as pending, s.cancel_reason
from stepwell.workflow_status s
where s.run_id = any ($1::uuid[])
