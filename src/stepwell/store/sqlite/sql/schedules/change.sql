-- Replaces what people and code say of a schedule, if nobody has changed it, or fired it, meanwhile.
-- Called by change_schedule. Index: primary key.
UPDATE schedules
SET kind = :kind, expression = :expression, timezone = :timezone, anchor = :anchor, workflow = :workflow,
    route = :route, version = :version, instance = :instance, input = :input, input_digest = :input_digest,
    codec_id = :codec_id, max_recoveries = :max_recoveries, queue = :queue, priority = :priority,
    partition_key = :partition_key, timeout = :timeout, attributes = :attributes, catch_up = :catch_up,
    overlap = :overlap, jitter = :jitter, paused = :paused, next_fire = :next_fire, declared = :declared, expires = :expires,
    revision = revision + 1, updated_at = stepwell_clock()
WHERE namespace = :namespace AND name = :name AND revision = :revision
