-- Takes runs that this process serves, by rank (priority and age), and returns each with the number of its recorded
-- outcomes and the first of them, up to about $13 bytes: more follow in pages of claims/history. Up to $7 of them come
-- from queues with limits or partitions (see claim_limited), the others from queues without. $4: the queues that are
-- listened to; null: all. One row has no run: it says how the queues with limits stand, and where the next claim goes on
-- if there is more than one looks at: $8 to $12 are where this one goes on.
-- Called by: claim. Index: workflow_status_claim, once per pair of queue and route that waits, 1,000 at most;
-- operation_outputs_pkey.
-- Locks: up to $6 runs per pair FOR UPDATE, passing over locked ones; those not taken until the statement's end.
-- READ COMMITTED or not makes no difference to the runs: one that changed meanwhile is passed over or an error, never
-- taken twice. The limits need it: they count what others have committed before the queue's row was locked.
-- What comes with a run is read by functions (0008), in a snapshot after it was taken. A run that begins has
-- recorded nothing.
select c.run_id, c.workflow_id, c.epoch, c.name, c.version, c.instance, c.input, c.codec_id, c.attempts,
    extract(epoch from c.deadline)::double precision, c.cancel_reason,
    stepwell.attributes_of(c.run_id),
    c.parent_run_id, c.parent_branch, c.parent_seq, c.root_run_id,
    extract(epoch from c.created_at)::double precision, extract(epoch from stepwell.clock())::double precision,
    c.engine_format, c.priority, c.queue, c.held, c.again,
    extract(epoch from c.opens_at - stepwell.clock())::double precision,
    c.met_queue, c.met_route, c.met_partitioned, c.turning, c.met_keys, c.wrapped,
    case when c.epoch > 1 or c.forked_from is not null then stepwell.history_of(c.run_id, $13::bigint) end,
    case when c.epoch > 1 then stepwell.intents_of(c.run_id) end
from (select (r.run).*, r.held, r.again, r.opens_at, r.met_queue, r.met_route, r.met_partitioned, r.turning, r.met_keys,
             r.wrapped
      from stepwell.claim_runs($1::uuid, $2::text, $3::text, $4::text[], $5::text[], $6::integer, $7::integer,
                               $8::text, $9::text, $10::text, $11::text[], $12::text[]) r) c
