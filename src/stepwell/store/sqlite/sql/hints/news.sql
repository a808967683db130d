-- Whether a run of this app is enqueued and due, and whether a parked one has a cancellation to deliver: either
-- is worth a transaction that writes; which message came last; what changes with every schedule. Called by listening,
-- when another process has committed something. Indexes: workflow_status_claim, workflow_status_cancel, the rowid of
-- messages; schedules are few.
SELECT EXISTS (SELECT 1 FROM workflow_status
               WHERE status = 'ENQUEUED' AND delayed = 0 AND app = :app AND namespace = :namespace)
       OR EXISTS (SELECT 1 FROM workflow_status
                  WHERE status = 'ENQUEUED' AND delayed = 1 AND not_before <= (SELECT stepwell_clock())),
       EXISTS (SELECT 1 FROM workflow_status
               WHERE status = 'WAITING' AND cancel_reason IS NOT NULL AND completed_at IS NULL),
       (SELECT coalesce(max(number), 0) FROM messages) + (SELECT coalesce(max(number), 0) FROM published_events),
       (SELECT count(*) || ' ' || coalesce(max(updated_at), 0) FROM schedules)
