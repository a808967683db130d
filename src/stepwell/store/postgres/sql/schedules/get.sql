-- One schedule, whatever its app.
-- Called by: schedule. Index: primary key. Locks: nothing.
select s.name, s.app, s.kind, s.expression, s.timezone, extract(epoch from s.anchor)::double precision,
       s.workflow, s.route, s.version, s.instance, s.input, s.input_digest, s.codec_id, s.max_recoveries,
       s.queue, s.priority, s.partition_key, s.timeout, s.attributes, s.expires,
       s.catch_up, s.overlap, s.jitter, s.paused,
       extract(epoch from s.next_fire)::double precision, extract(epoch from s.last_fire)::double precision,
       extract(epoch from s.last_skipped)::double precision, s.last_run, s.declared, s.revision,
       extract(epoch from s.created_at)::double precision, extract(epoch from s.updated_at)::double precision
from stepwell.schedules s
where s.namespace = $1::text and s.name = $2::text
