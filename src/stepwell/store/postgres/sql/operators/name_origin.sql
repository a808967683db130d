-- Notes which run another was forked from.
-- Called by: fork, in its transaction. Index: primary key. Locks: that run.
update stepwell.workflow_status set forked_from = $2::uuid where run_id = $1::uuid
