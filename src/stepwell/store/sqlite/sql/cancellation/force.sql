-- End a run as CANCELLED whatever it does; its execution, if any, has lost the fence.
-- Called by request_cancel. Index: primary key.
UPDATE workflow_status
SET cancel_reason = coalesce(cancel_reason, :reason),
    cancel_requested_at = coalesce(cancel_requested_at, stepwell_clock()),
    status = 'CANCELLED', reason = coalesce(cancel_reason, :reason), owner = NULL, epoch = epoch + 1,
    completed_at = stepwell_clock()
WHERE run_id = :run_id AND completed_at IS NULL
