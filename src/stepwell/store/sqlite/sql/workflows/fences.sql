-- The fences of 32 runs at once: those that somebody executes, with the epoch. Called by the fast commit, which fills up
-- with repetitions and compares the epochs: a statement for each run takes half as long again. Index: primary key.
SELECT run_id, epoch, cancel_reason, (SELECT stepwell_clock()) FROM workflow_status
WHERE status = 'PENDING' AND run_id IN (
    ?, ?, ?, ?, ?, ?, ?, ?,
    ?, ?, ?, ?, ?, ?, ?, ?,
    ?, ?, ?, ?, ?, ?, ?, ?,
    ?, ?, ?, ?, ?, ?, ?, ?)
