-- The runs that this process owns according to the database.
-- Called by: owned. Index: workflow_status_owner. Locks: nothing.
select s.run_id, s.epoch from stepwell.workflow_status s where s.owner = $1::uuid
