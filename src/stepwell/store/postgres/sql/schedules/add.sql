-- A new schedule, unless the namespace has one of that name.
-- Called by: add_schedule. Index: primary key. Locks: the new row.
insert into stepwell.schedules
    (namespace, name, app, kind, expression, timezone, anchor, workflow, route, version, instance, input, input_digest,
     codec_id, max_recoveries, queue, priority, partition_key, timeout, attributes, catch_up, overlap, jitter, paused,
     next_fire, declared, expires)
values ($1::text, $2::text, $3::text, $4::text, $5::text, $6::text, to_timestamp($7::double precision), $8::text,
        $9::text, $10::text, $11::text, $12::text, $13::text, $14::text, $15::integer, $16::text, $17::integer,
        $18::text, $19::double precision, $20::text, $21::text, $22::text, $23::double precision, $24::boolean,
        to_timestamp($25::double precision), $26::text, $27::double precision)
on conflict do nothing
