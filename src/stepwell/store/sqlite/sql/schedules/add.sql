-- A new schedule, unless the namespace has one of that name. Called by add_schedule. Index: primary key.
INSERT INTO schedules (
    namespace, name, app, kind, expression, timezone, anchor, workflow, route, version, instance, input, input_digest,
    codec_id, max_recoveries, queue, priority, partition_key, timeout, attributes, catch_up, overlap, jitter, paused,
    next_fire, declared, expires, created_at, updated_at)
VALUES (
    :namespace, :name, :app, :kind, :expression, :timezone, :anchor, :workflow, :route, :version, :instance, :input,
    :input_digest, :codec_id, :max_recoveries, :queue, :priority, :partition_key, :timeout, :attributes, :catch_up,
    :overlap, :jitter, :paused, :next_fire, :declared, :expires, stepwell_clock(), stepwell_clock())
ON CONFLICT DO NOTHING
