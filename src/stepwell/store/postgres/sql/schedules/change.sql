-- Replaces what people and code say of a schedule, if nobody has changed it, or fired it, meanwhile.
-- Called by: change_schedule. Index: primary key. Locks: that row.
update stepwell.schedules s
set kind = $3::text, expression = $4::text, timezone = $5::text, anchor = to_timestamp($6::double precision),
    workflow = $7::text, route = $8::text, version = $9::text, instance = $10::text, input = $11::text,
    input_digest = $12::text, codec_id = $13::text, max_recoveries = $14::integer, queue = $15::text,
    priority = $16::integer, partition_key = $17::text, timeout = $18::double precision, attributes = $19::text,
    catch_up = $20::text, overlap = $21::text, jitter = $22::double precision, paused = $23::boolean,
    next_fire = to_timestamp($24::double precision), declared = $25::text,
    expires = $26::double precision,
    revision = s.revision + 1, updated_at = stepwell.clock()
where s.namespace = $1::text and s.name = $2::text and s.revision = $27::bigint
