-- Take back what the archived outcomes had received. Called by resume and rewind, before steps/clear.
-- Index: the unique key (run_id, key); primary key of operation_outputs.
UPDATE messages SET consumed_branch = NULL, consumed_seq = NULL, consumed_epoch = NULL
WHERE run_id = :run_id AND coalesce(consumed_seq, -1) <> -1
  AND EXISTS (SELECT 1 FROM operation_outputs o
              WHERE o.run_id = :run_id AND o.branch = consumed_branch AND o.seq = consumed_seq AND o.pos >= :pos)
