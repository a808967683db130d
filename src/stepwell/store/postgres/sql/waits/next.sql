-- The earliest moment at which a parked or delayed run is due, and the database's now.
-- Called by: next_wake. Index: waits_wake_at, workflow_status_delayed. Locks: nothing.
select extract(epoch from least((select min(w.wake_at) from stepwell.waits w where w.wake_at is not null),
                                (select min(s.not_before) from stepwell.workflow_status s where s.delayed)))::double precision,
       extract(epoch from stepwell.clock())::double precision
