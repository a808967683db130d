-- Writes an app's subscriptions; those that are the same already are not touched.
-- Called by: subscribe. Index: primary key. Locks: those rows, in the order of the arrays (sorted by the key).
insert into stepwell.subscriptions as s
    (namespace, app, event, mode, workflow, route, filter, parameters, version, queue, timeout, max_recoveries)
select $1::text, $2::text, u.event, u.mode, u.workflow, u.route, u.filter, u.parameters, u.version, u.queue, u.timeout,
       u.max_recoveries
from unnest($3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[], $9::text[], $10::text[],
            $11::double precision[], $12::integer[])
     as u (event, mode, workflow, route, filter, parameters, version, queue, timeout, max_recoveries)
on conflict (namespace, event, app, workflow, mode) do update
set route = excluded.route, filter = excluded.filter, parameters = excluded.parameters, version = excluded.version,
    queue = excluded.queue, timeout = excluded.timeout, max_recoveries = excluded.max_recoveries
where (s.route, s.filter, s.parameters, s.version, s.queue, s.timeout, s.max_recoveries)
      is distinct from (excluded.route, excluded.filter, excluded.parameters, excluded.version, excluded.queue,
                        excluded.timeout, excluded.max_recoveries)
