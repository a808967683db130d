-- Removes a run's waits.
-- Called by: resume, rewind, in their transaction. Index: primary key. Locks: those rows.
delete from stepwell.waits where run_id = $1::uuid
