-- Take back what one archived outcome had received. Called by resume_failed. Index: the unique key (run_id, key).
UPDATE messages SET consumed_branch = NULL, consumed_seq = NULL, consumed_epoch = NULL
WHERE run_id = ? AND consumed_branch = ? AND coalesce(consumed_seq, -1) = ?
