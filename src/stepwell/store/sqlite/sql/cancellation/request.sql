-- Record a cancellation by how the run stands. Never started, or DEAD: CANCELLED at once. WAITING, BLOCKED:
-- ENQUEUED, so that cleanup runs. Otherwise the request waits for its delivery. The first reason stays.
-- Called by request_cancel and expire_deadlines. Index: primary key.
UPDATE workflow_status
SET cancel_reason = coalesce(cancel_reason, :reason),
    cancel_requested_at = coalesce(cancel_requested_at, stepwell_clock()),
    status = CASE WHEN status = 'DEAD' OR status = 'ENQUEUED' AND attempts = 0 THEN 'CANCELLED'
                  WHEN status IN ('WAITING', 'BLOCKED') THEN 'ENQUEUED'
                  ELSE status END,
    reason = CASE WHEN status = 'DEAD' OR status = 'ENQUEUED' AND attempts = 0 THEN coalesce(cancel_reason, :reason) END,
    completed_at = CASE WHEN status = 'DEAD' OR status = 'ENQUEUED' AND attempts = 0 THEN stepwell_clock() END
WHERE run_id = :run_id AND completed_at IS NULL
