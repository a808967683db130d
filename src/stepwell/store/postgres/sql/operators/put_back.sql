-- Puts a run back to work as if nobody had asked for its end.
-- Called by: resume, rewind, last in their transaction. Index: primary key. Locks: the run.
update stepwell.workflow_status s
set status = 'ENQUEUED', epoch = s.epoch + 1, owner = null, recoveries = 0, reason = null, output = null, error = null,
    output_codec_id = null, completed_at = null, cancel_reason = null, cancel_requested_at = null, tried_hints = null,
    delayed = s.delayed and s.status = 'ENQUEUED', expires_at = null,
    -- Another run has taken the key meanwhile: this one goes on without.
    dedup_key = case when not exists (select from stepwell.workflow_status d
                                      where d.namespace = s.namespace and d.queue = s.queue
                                        and d.dedup_key = s.dedup_key and d.dedup_key is not null and d.current
                                        and d.completed_at is null and d.run_id <> s.run_id)
                     then s.dedup_key end,
    -- Its parent has ended and stays so: it goes on for its own sake, and is not asked to stop again.
    parent_close = case when s.parent_run_id is null
                          or exists (select from stepwell.workflow_status p
                                     where p.run_id = s.parent_run_id and p.completed_at is null)
                        then s.parent_close else 'abandon' end,
    deadline = case when s.deadline > stepwell.clock() then s.deadline end
where s.run_id = $1::uuid
