-- Takes or prolongs the lease of a job that one process at a time does; no row if somebody else holds it.
-- Called by: acquire_sweep, acquire_retention. Index: primary key. Locks: that row.
insert into stepwell.leases (name, holder, until)
values ($3::text, $1::uuid, stepwell.clock() + make_interval(secs => $2::double precision))
on conflict (name) do update
set holder = excluded.holder, until = excluded.until
where leases.holder = excluded.holder or leases.until <= stepwell.clock()
returning true
