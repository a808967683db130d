-- A heartbeat: prolong the lease. No row: this executor was reaped. Called by the heartbeat's thread.
-- Index: primary key.
UPDATE executors SET beat = beat + 1, lease_until = stepwell_clock() + ? WHERE incarnation = ?
RETURNING stepwell_clock()
