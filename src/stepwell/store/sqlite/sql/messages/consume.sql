-- Mark the message that a receive took, if its outcome is recorded by this execution. Called by the group commit, after
-- the checkpoints in the same transaction. Safe to repeat. Index: the unique key (run_id, key), not messages_waiting,
-- whose predicate is therefore not said; primary key of operation_outputs.
UPDATE messages SET consumed_branch = :branch, consumed_seq = :seq, consumed_epoch = :epoch
WHERE run_id = :run_id AND key = :key AND coalesce(consumed_seq, -1) = -1
  AND EXISTS (SELECT 1 FROM operation_outputs o
              WHERE o.run_id = :run_id AND o.branch = :branch AND o.seq = :seq AND o.epoch = :epoch)
