-- Take their places from the children that the archived outcomes started, so that new ones may start.
-- Called by resume and rewind, before steps/clear. Index: workflow_status_children, then the primary key.
UPDATE workflow_status SET current = 0
WHERE parent_run_id = :run_id AND current = 1
  AND EXISTS (SELECT 1 FROM operation_outputs o
              WHERE o.run_id = :run_id AND o.branch = parent_branch AND o.seq = parent_seq AND o.pos >= :pos)
