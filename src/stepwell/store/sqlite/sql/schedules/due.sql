-- Schedules of an app that are due, with how their last run stands; those whose run is live come last, since some wait
-- for its end and must not keep the others from being seen. A DEAD one is not live: nobody runs it unless asked to.
-- Called by due_schedules. Index: schedules_due.
SELECT s.name, s.app, s.kind, s.expression, s.timezone, s.anchor,
       s.workflow, s.route, s.version, s.instance, s.input, s.input_digest, s.codec_id, s.max_recoveries,
       s.queue, s.priority, s.partition_key, s.timeout, s.attributes, s.expires,
       s.catch_up, s.overlap, s.jitter, s.paused,
       s.next_fire, s.last_fire, s.last_skipped, s.last_run, s.declared, s.revision, s.created_at, s.updated_at,
       coalesce(w.completed_at IS NULL AND w.status <> 'DEAD', 0), w.completed_at
FROM schedules s
LEFT JOIN workflow_status w ON w.run_id = s.last_run
WHERE s.namespace = :namespace AND s.app = :app AND s.paused = 0 AND s.next_fire <= (SELECT stepwell_clock())
ORDER BY coalesce(w.completed_at IS NULL AND w.status <> 'DEAD', 0), s.next_fire, s.name
LIMIT :limit
