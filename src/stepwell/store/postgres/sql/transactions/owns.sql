-- Whether this execution owns the run: a row if it does.
-- Called by: owns (before the COMMIT in another database). Index: primary key of workflow_status. Locks: nothing.
select true from stepwell.workflow_status s where s.run_id = $1::uuid and s.epoch = $2::integer and s.status = 'PENDING'
