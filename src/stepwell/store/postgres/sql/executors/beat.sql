-- Prolongs this process's lease.
-- Called by: the heartbeat's thread. Index: primary key. Locks: that row.
update stepwell.executors
set beat = beat + 1, lease_until = stepwell.clock() + make_interval(secs => $2::double precision)
where incarnation = $1::uuid
returning extract(epoch from stepwell.clock())::double precision
