-- How one operation and its run stand: what is recorded, whether this execution owns the run, which epoch took outcomes back.
-- Called by: standing (after an error at COMMIT; before the COMMIT in another database). Index: primary keys.
SELECT EXISTS (SELECT 1 FROM workflow_status WHERE run_id = :run_id AND epoch = :epoch AND status = 'PENDING'),
       coalesce((SELECT max(archived_epoch) FROM archived_outcomes WHERE run_id = :run_id AND kind <> 'run'), -1),
       o.name, o.kind, o.ended, o.output, o.error, o.fingerprint, o.pos, o.epoch, o.attempts, o.child_run, o.codec_id,
       o.completed_at
FROM (SELECT 1) LEFT JOIN operation_outputs o ON o.run_id = :run_id AND o.branch = :branch AND o.seq = :seq
