-- All schedules of a namespace. Called by schedules. Index: primary key.
SELECT s.name, s.app, s.kind, s.expression, s.timezone, s.anchor,
       s.workflow, s.route, s.version, s.instance, s.input, s.input_digest, s.codec_id, s.max_recoveries,
       s.queue, s.priority, s.partition_key, s.timeout, s.attributes, s.expires,
       s.catch_up, s.overlap, s.jitter, s.paused,
       s.next_fire, s.last_fire, s.last_skipped, s.last_run, s.declared, s.revision, s.created_at, s.updated_at
FROM schedules s
WHERE s.namespace = :namespace
ORDER BY s.name
