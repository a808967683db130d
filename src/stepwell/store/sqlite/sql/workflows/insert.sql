-- Start a run: this row is the only gate to execution. Called by starts and forks.
-- Any unique key that is taken (run_id, id, gate, dedup key) leaves no row and returns none; the caller looks which.
-- Indexes: all four unique ones decide.
INSERT INTO workflow_status (
    run_id, namespace, app, workflow_id, name, version, instance, route, code_hint, status, epoch, owner, attempts,
    max_recoveries, deadline, queue, priority, partition_key, dedup_key, expires_at, not_before, delayed,
    parent_run_id, parent_branch, parent_seq, parent_close, root_run_id, prev_run_id, forked_from, engine_format, input_digest, codec_id, created_at, started_at, input)
VALUES (
    :run_id, :namespace, :app, :workflow_id, :name, :version, :instance, :route, :code_hint, :status,
    :status = 'PENDING', :owner, :status = 'PENDING',
    :max_recoveries,
    CASE WHEN :timeout IS NULL THEN :deadline
         ELSE min(stepwell_clock() + :timeout, coalesce(:deadline, 9e999)) END,
    :queue, :priority, :partition_key, :dedup_key, stepwell_clock() + :expires,
    coalesce(:not_before, stepwell_clock() + :delay),
    :status = 'ENQUEUED' AND coalesce(coalesce(:not_before, stepwell_clock() + :delay) > stepwell_clock(), 0),
    :parent_run, :parent_branch, :parent_seq, :parent_close, :root_run_id, :prev_run_id, :forked_from,
    :engine_format, :input_digest, :codec_id, stepwell_clock(),
    CASE WHEN :status = 'PENDING' THEN stepwell_clock() END, :input)
ON CONFLICT DO NOTHING
RETURNING deadline
