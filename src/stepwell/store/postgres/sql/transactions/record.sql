-- The checkpoint of a user's transaction, in that transaction: mark, fence and outcome in one statement, which raises
-- SW001 or SW002 instead of writing it. Called by: @transaction, last before COMMIT.
-- Index: primary keys of workflow_status (the fence) and operation_outputs.
-- Locks: the run FOR SHARE; never a run of another epoch. Waits for an older attempt that has not ended.
-- A pending cancellation does not keep it from being written: the next operation delivers it.
select stepwell.record_transaction($1::text::json)
