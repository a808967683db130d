-- claims/take without the histories: for a batch in which one history is too large for a single answer.
-- Called by: claim, after claims/take was refused; the histories follow in pages of claims/history.
-- Index: workflow_status_claim. Locks: as claims/take.
select c.run_id, c.workflow_id, c.epoch, c.name, c.version, c.instance, c.input, c.codec_id, c.attempts,
    extract(epoch from c.deadline)::double precision, c.cancel_reason,
    stepwell.attributes_of(c.run_id),
    c.parent_run_id, c.parent_branch, c.parent_seq, c.root_run_id,
    extract(epoch from c.created_at)::double precision, extract(epoch from stepwell.clock())::double precision,
    c.engine_format, c.priority, c.queue, c.held, c.again,
    extract(epoch from c.opens_at - stepwell.clock())::double precision,
    c.met_queue, c.met_route, c.met_partitioned, c.turning, c.met_keys, c.wrapped
from (select (r.run).*, r.held, r.again, r.opens_at, r.met_queue, r.met_route, r.met_partitioned, r.turning, r.met_keys,
             r.wrapped
      from stepwell.claim_runs($1::uuid, $2::text, $3::text, $4::text[], $5::text[], $6::integer, $7::integer,
                               $8::text, $9::text, $10::text, $11::text[], $12::text[]) r) c
