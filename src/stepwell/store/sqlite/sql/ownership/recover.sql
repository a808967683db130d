-- Take a run from an execution that ended badly: back to ENQUEUED, or DEAD after too many in a row that
-- recorded nothing. Called by reap, reap_orphans and leave. Index: primary key of both tables.
UPDATE workflow_status AS w
SET status = CASE WHEN taken.recoveries > w.max_recoveries THEN 'DEAD' ELSE 'ENQUEUED' END,
    reason = CASE WHEN taken.recoveries > w.max_recoveries
                  THEN 'taken over ' || taken.recoveries || ' times without progress' END,
    recoveries = taken.recoveries, epoch = w.epoch + 1, owner = NULL
FROM (SELECT r.run_id,
             CASE WHEN EXISTS (SELECT 1 FROM operation_outputs o WHERE o.run_id = r.run_id AND o.epoch = r.epoch)
                  THEN 1 ELSE r.recoveries + 1 END AS recoveries
      FROM workflow_status r WHERE r.run_id = :run_id) AS taken
WHERE w.run_id = :run_id AND w.epoch = :epoch AND w.status = 'PENDING'
