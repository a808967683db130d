-- Whether a run of this app is enqueued and due, and whether a parked one has a cancellation to deliver: either
-- is worth a transaction that writes; and which message came last. Called by listening, when another process has
-- committed something. Indexes: workflow_status_claim, workflow_status_cancel, the rowid of messages.
SELECT EXISTS (SELECT 1 FROM workflow_status
               WHERE status = 'ENQUEUED' AND app = :app AND namespace = :namespace
                 AND (not_before IS NULL OR not_before <= (SELECT stepwell_clock()))),
       EXISTS (SELECT 1 FROM workflow_status
               WHERE status = 'WAITING' AND cancel_reason IS NOT NULL AND completed_at IS NULL),
       (SELECT max(number) FROM messages)
