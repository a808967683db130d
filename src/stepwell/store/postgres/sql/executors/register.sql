-- Adds this process's row, or renews what it says.
-- Called by: register. Index: primary key. Locks: that row.
insert into stepwell.executors (incarnation, label, namespace, app, lease_until, serves, queues)
values ($1::uuid, $2::text, $3::text, $4::text, stepwell.clock() + make_interval(secs => $5::double precision), $6::text[],
        $7::text[])
on conflict (incarnation) do update
set label = excluded.label, lease_until = excluded.lease_until, serves = excluded.serves, queues = excluded.queues,
    beat = executors.beat + 1
returning extract(epoch from stepwell.clock())::double precision
