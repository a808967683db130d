-- All processes, with what the database's clock says of their lease. Called by sweeps and people. Few rows.
SELECT incarnation, label, namespace, app, beat, lease_until, lease_until <= stepwell_clock(), draining, serves, queues,
       started_at
FROM executors ORDER BY started_at, incarnation
