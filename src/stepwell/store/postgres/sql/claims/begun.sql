-- A run's begun and not ended things.
-- Called by: claim, for histories too large for one answer. Index: operation_intents_pkey. Locks: nothing.
select i.branch, i.seq, i.name, i.kind, i.attempt, extract(epoch from i.due)::double precision, i.error
from stepwell.operation_intents i
where i.run_id = $1::uuid
