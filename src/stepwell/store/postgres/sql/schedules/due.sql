-- Schedules of an app that are due, with how their last run stands; those whose run is live come last, since some wait
-- for its end and must not keep the others from being seen. A DEAD one is not live: nobody runs it unless asked to.
-- Called by: due_schedules. Index: schedules_due; primary key of workflow_status. Locks: nothing.
select s.name, s.app, s.kind, s.expression, s.timezone, extract(epoch from s.anchor)::double precision,
       s.workflow, s.route, s.version, s.instance, s.input, s.input_digest, s.codec_id, s.max_recoveries,
       s.queue, s.priority, s.partition_key, s.timeout, s.attributes, s.expires,
       s.catch_up, s.overlap, s.jitter, s.paused,
       extract(epoch from s.next_fire)::double precision, extract(epoch from s.last_fire)::double precision,
       extract(epoch from s.last_skipped)::double precision, s.last_run, s.declared, s.revision,
       extract(epoch from s.created_at)::double precision, extract(epoch from s.updated_at)::double precision,
       coalesce(w.completed_at is null and w.status <> 'DEAD', false), extract(epoch from w.completed_at)::double precision
from stepwell.schedules s
left join stepwell.workflow_status w on w.run_id = s.last_run
where s.namespace = $1::text and s.app = $2::text and not s.paused and s.next_fire <= stepwell.clock()
order by coalesce(w.completed_at is null and w.status <> 'DEAD', false), s.next_fire, s.name
limit $3::integer
