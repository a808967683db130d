-- Takes runs that this process serves, by rank (priority and age), and returns each with the number of its recorded
-- outcomes and the first of them, up to about $8 bytes: more follow in pages of claims/history. Up to $7 of them come
-- from queues with limits or partitions (see claim_limited), the others from queues without. $4: the queues that are
-- listened to; null: all. One row has no run: it says how the queues with limits stand.
-- Called by: claim. Index: workflow_status_claim, once per pair of queue and route that waits; operation_outputs_pkey.
-- Locks: up to $6 runs per pair FOR UPDATE, passing over locked ones; those not taken until the statement's end.
-- READ COMMITTED or not makes no difference to the runs: one that changed meanwhile is passed over or an error, never
-- taken twice. The limits need it: they count what others have committed before the queue's row was locked.
select c.run_id, c.workflow_id, c.epoch, c.name, c.version, c.instance, c.input, c.codec_id, c.attempts,
    extract(epoch from c.deadline)::double precision, c.cancel_reason,
    (select a.attributes::text from stepwell.workflow_attributes a where a.run_id = c.run_id),
    c.parent_run_id, c.parent_branch, c.parent_seq, c.root_run_id,
    extract(epoch from c.created_at)::double precision, extract(epoch from stepwell.clock())::double precision,
    c.engine_format, c.priority, c.queue, c.held, c.again,
    extract(epoch from c.opens_at - stepwell.clock())::double precision,
    (select json_build_array(count(*), json_agg(
                json_build_array(h.branch, h.seq, h.name, h.kind, h.ended, h.output, h.error, h.fingerprint, h.pos, h.epoch,
                                 h.attempts, h.child_run, h.codec_id,
                                 extract(epoch from h.completed_at)::double precision)
                order by h.pos) filter (where coalesce(h.bytes_before, 0) < $8::bigint))::text
     from (select o.*, sum(coalesce(octet_length(o.output), 0) + coalesce(octet_length(o.error), 0))
                           over (order by o.pos rows between unbounded preceding and 1 preceding) as bytes_before
           from stepwell.operation_outputs o
           where o.run_id = c.run_id) h),
    (select json_agg(json_build_array(i.branch, i.seq, i.name, i.kind, i.attempt,
                                      extract(epoch from i.due)::double precision, i.error))::text
     from stepwell.operation_intents i where i.run_id = c.run_id)
from (select (r.run).*, r.held, r.again, r.opens_at
      from stepwell.claim_runs($1::uuid, $2::text, $3::text, $4::text[], $5::text[], $6::integer, $7::integer) r) c
