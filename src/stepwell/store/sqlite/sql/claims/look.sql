-- What there is for a claim to do: when the next delayed run is due, whether runs expire, whether any run waits; and the
-- database's now. Called by claim, first: where nothing waits it is all that a claim costs.
-- Index: workflow_status_later, workflow_status_expiry, workflow_status_claim.
SELECT (SELECT min(not_before) FROM workflow_status INDEXED BY workflow_status_later
        WHERE status = 'ENQUEUED' AND delayed = 1),
       EXISTS (SELECT 1 FROM workflow_status INDEXED BY workflow_status_expiry
               WHERE expires_at <= (SELECT stepwell_clock()) AND status = 'ENQUEUED' AND started_at IS NULL),
       EXISTS (SELECT 1 FROM workflow_status INDEXED BY workflow_status_claim
               WHERE status = 'ENQUEUED' AND delayed = 0 AND namespace = :namespace AND app = :app),
       stepwell_clock()
