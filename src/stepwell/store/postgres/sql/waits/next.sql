-- The earliest moment at which a parked run is due or a delayed one may start, and the database's now. Runs whose
-- start is due already are for the claim to find: a timer for them would only fire again and again.
-- Called by: next_wake. Index: waits_wake_at, workflow_status_delayed. Locks: nothing.
select extract(epoch from least((select min(w.wake_at) from stepwell.waits w where w.wake_at is not null),
                                (select min(s.not_before) from stepwell.workflow_status s
                                 where s.delayed and s.not_before > (select stepwell.clock()))))::double precision,
       extract(epoch from stepwell.clock())::double precision
