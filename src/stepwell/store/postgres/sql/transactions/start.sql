-- Starts a run in the caller's own transaction; returns it, or nothing if its id or its dedup key is taken.
-- Called by: start with conn=. Index: the unique ones of workflow_status.
-- Locks: the new row; waits for another open transaction that inserts the same id.
insert into stepwell.workflow_status
    (namespace, app, run_id, workflow_id, name, route, input, input_digest, version, instance, code_hint, codec_id, queue,
     priority, max_recoveries, status, not_before, delayed, deadline, partition_key, dedup_key, expires_at)
select d.namespace, d.app, d.run_id, d.workflow_id, d.name, d.route, d.input, d.input_digest, d.version, d.instance,
       d.code_hint, d.codec_id, coalesce(d.queue, ''), d.priority, d.max_recoveries, 'ENQUEUED', t.not_before,
       coalesce(t.not_before > stepwell.clock(), false),
       least(to_timestamp(d.deadline), stepwell.clock() + make_interval(secs => d.timeout)), d.partition_key, d.dedup_key,
       stepwell.clock() + make_interval(secs => d.expires)
from json_to_record($1::text::json)
     as d (namespace text, app text, run_id uuid, workflow_id text, name text, route text, input text, input_digest text,
           version text, instance text, code_hint text, codec_id text, queue text, priority integer,
           max_recoveries integer, delay double precision, not_before double precision, timeout double precision,
           deadline double precision, partition_key text, dedup_key text, expires double precision)
cross join lateral (
    select coalesce(to_timestamp(d.not_before), stepwell.clock() + make_interval(secs => d.delay)) as not_before
) t
on conflict do nothing
returning run_id::text, workflow_id, name, input_digest, status, extract(epoch from deadline)::double precision
