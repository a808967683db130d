-- Removes what a run has begun and not ended.
-- Called by: rewind, in its transaction. Index: primary key. Locks: those rows.
delete from stepwell.operation_intents where run_id = $1::uuid
