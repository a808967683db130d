-- kind: pre
-- The functions by which any language, a trigger or a scheduled job takes part, in its own transaction: public, with
-- exactly these signatures. What they raise: 22023 an argument out of bounds, 54000 too large, SW404 no such run,
-- SW409 the id belongs to another run, SW410 the run has ended, SW499 it was cancelled, SW500 it failed.
-- They act with their owner's rights on behalf of roles that may not touch the tables: nothing is executed that is
-- not written here, every name is qualified, and nobody but the owner may call them until he is granted to.

create or replace function stepwell.uuid7() returns uuid language sql volatile set search_path = pg_catalog, pg_temp as $$
    select encode(set_bit(set_bit(overlay(uuid_send(gen_random_uuid())
        placing substring(int8send(floor(extract(epoch from stepwell.clock()) * 1000)::bigint) from 3) from 1 for 6),
        52, 1), 53, 1), 'hex')::uuid
$$;

-- JSON as it is stored: escaped to ASCII, so that it is the same in every encoding.
create or replace function stepwell.ascii_json(payload text) returns text language sql immutable strict
set search_path = pg_catalog, pg_temp as $$
    select case when payload !~ E'[^\\x01-\\x7f]' or getdatabaseencoding() <> 'UTF8' then payload else (
        select string_agg(case
                   when ascii(c) < 128 then c
                   when ascii(c) < 65536 then E'\\u' || lpad(to_hex(ascii(c)), 4, '0')
                   else concat(E'\\u', to_hex(55296 + ((ascii(c) - 65536) >> 10)),
                               E'\\u', to_hex(56320 + ((ascii(c) - 65536) & 1023)))
               end, '' order by place)
        from regexp_split_to_table(payload, '') with ordinality as t (c, place)) end
$$;

-- A payload from outside, as it is stored. Plain JSON only: the key that marks values of other types would choose
-- how the reader makes them. Lone surrogates are refused by the cast, and NUL, which it refuses too, is none of them.
create or replace function stepwell.plain_json(payload json, what text) returns text language plpgsql immutable
set search_path = pg_catalog, pg_temp as $$
declare
    stored text := stepwell.ascii_json(payload::text);
begin
    if octet_length(stored) > 16777216 then
        raise exception using errcode = '54000', message = format('%s takes %s bytes, and 16 MiB are allowed', what,
            octet_length(stored)), hint = 'Keep it elsewhere and pass a reference.';
    end if;
    if jsonb_path_exists(replace(stored, E'\\u0000', E'\\u0001')::jsonb, 'lax $.** ? (exists (@."$t"))') then
        raise exception using errcode = '22023', message = format('%s has an object with the key "$t", which is reserved', what);
    end if;
    return stored;
end $$;

create or replace function stepwell.checked_text(given text, what text, longest integer default 255) returns text
language plpgsql immutable set search_path = pg_catalog, pg_temp as $$
begin
    if given = '' or char_length(given) > longest then
        raise exception using errcode = '22023',
            message = format('%s must have 1 to %s characters, and has %s', what, longest, char_length(given));
    end if;
    return given;
end $$;

-- Whose rows: `set stepwell.namespace = 'tenant'`, where there is more than one.
create or replace function stepwell.namespace_here() returns text language sql stable
set search_path = pg_catalog, pg_temp as $$
    select coalesce(nullif(current_setting('stepwell' || '.namespace', true), ''), 'default')
$$;

-- Told in the caller's transaction, so heard when it commits: 'work' to claim, 'cancel' to deliver, 'message' to receive.
-- Hints only save time; without them processes look by themselves: `set stepwell.notify = off` where a transaction that
-- notifies is not allowed (PREPARE TRANSACTION). Channel and payload are those of notifier.py.
create or replace function stepwell.hint(kind text) returns void language plpgsql volatile
set search_path = pg_catalog, pg_temp as $$
declare
    schema_here text := (select n.nspname::text from pg_class c join pg_namespace n on n.oid = c.relnamespace
                         where c.oid = (select m.tableoid from stepwell.migrations m limit 1));
begin
    if coalesce(current_setting('stepwell' || '.notify', true), '') in ('off', 'false', 'no', '0') then
        return;
    end if;
    perform pg_notify(
        'stepwell_' || left(encode(sha256(convert_to(schema_here, 'UTF8') || decode('00', 'hex')
                                          || convert_to(stepwell.namespace_here(), 'UTF8')), 'hex'), 40),
        case hint.kind when 'work' then '1' when 'message' then '9' else 'f' end || repeat('0', 16));
end $$;

-- The app whose processes shall execute a run. `set stepwell.app = 'billing'`; else who serves the route now; else who
-- executed the last run of that name; else 'default'.
create or replace function stepwell.app_for(tenant text, wanted_route text, wanted_name text) returns text
language plpgsql stable set search_path = pg_catalog, pg_temp as $$
declare
    apps text[];
begin
    apps := array[nullif(current_setting('stepwell' || '.app', true), '')];
    if apps[1] is null then
        apps := array(select distinct e.app from stepwell.executors e
                      where e.namespace = tenant and e.serves @> array[wanted_route]);
    end if;
    if cardinality(apps) = 0 then
        apps := array(select w.app from stepwell.workflow_status w
                      where w.namespace = tenant and w.name = wanted_name order by w.created_at desc limit 1);
    end if;
    if cardinality(apps) > 1 then
        raise exception using errcode = '22023',
            message = format('%s is served by several apps: %s', wanted_name, array_to_string(apps, ', ')),
            hint = 'Say which: set local stepwell' || '.app = ''...''';
    end if;
    return coalesce(apps[1], 'default');
end $$;

-- Whether a stored call is this one: as JSON, whatever its spelling and the order of its keys.
create or replace function stepwell.same_call(stored text, given text) returns boolean language plpgsql immutable
set search_path = pg_catalog, pg_temp as $$
begin
    return '{"args": [], "kwargs": {}}'::jsonb || stored::jsonb = '{"args": [], "kwargs": {}}'::jsonb || given::jsonb;
exception when data_exception or program_limit_exceeded then
    return stored = given;
end $$;

-- The run that an id names now. SW404 if there is none.
create or replace function stepwell.run_of(wanted text) returns uuid language plpgsql stable
set search_path = pg_catalog, pg_temp as $$
declare
    found_run uuid;
begin
    select w.run_id into found_run from stepwell.workflow_status w
    where w.namespace = stepwell.namespace_here() and w.workflow_id = wanted and w.current;
    if found_run is null then
        raise exception using errcode = 'SW404', message = format('no workflow has the id %L', wanted);
    end if;
    return found_run;
end $$;

-- Starts a workflow, or attaches to the run that has the id: the same name and inputs again are the same run. Its id.
create or replace function stepwell.start_workflow(
    name text, args json default '[]', kwargs json default '{}', id text default null, queue text default null,
    priority int default null, delay interval default null, deadline timestamptz default null,
    attributes jsonb default null
) returns text language plpgsql volatile security definer set search_path = pg_catalog, pg_temp as $$
#variable_conflict use_column
declare
    part text[] := string_to_array(start_workflow.name, '|');
    wanted_route text := concat(part[1], '|', part[2], '|', part[3]);
    tenant text := stepwell.namespace_here();
    new_run uuid := stepwell.uuid7();
    new_id text := coalesce(start_workflow.id, new_run::text);
    calls json := coalesce(start_workflow.args, '[]');
    named json := coalesce(start_workflow.kwargs, '{}');
    due timestamptz := stepwell.clock() + start_workflow.delay;
    input text;
    there record;
begin
    perform stepwell.checked_text(coalesce(part[1], ''), 'name'), stepwell.checked_text(new_id, 'id'),
            stepwell.checked_text(start_workflow.queue, 'queue');
    if cardinality(part) > 3 then
        raise exception using errcode = '22023', message = 'name is a name, name|version or name|version|instance';
    elsif strpos(new_id, '/') > 0 then
        raise exception using errcode = '22023', message = 'id must not contain ''/'', which ids of children do';
    elsif json_typeof(calls) <> 'array' or json_typeof(named) <> 'object' then
        raise exception using errcode = '22023', message = 'args must be a JSON array, and kwargs a JSON object';
    elsif jsonb_typeof(start_workflow.attributes) <> 'object' then
        raise exception using errcode = '22023', message = 'attributes must be a JSON object';
    elsif start_workflow.delay < interval '0' or not isfinite(due) or not isfinite(start_workflow.deadline) then
        raise exception using errcode = '22023', message = 'delay must not be negative, nor delay or deadline infinite';
    end if;
    input := concat('{"args":', stepwell.plain_json(calls, 'args'),
                    ',"kwargs":' || nullif(stepwell.plain_json(named, 'kwargs'), '{}'), '}');
    for attempt in 1..10 loop
        insert into stepwell.workflow_status
            (run_id, namespace, app, workflow_id, name, route, version, instance, status, queue, priority, not_before,
             delayed, deadline, max_recoveries, input, input_digest)
        select new_run, tenant, stepwell.app_for(tenant, wanted_route, part[1]), new_id, part[1], wanted_route,
               nullif(part[2], ''), nullif(part[3], ''), 'ENQUEUED', coalesce(start_workflow.queue, ''),
               coalesce(start_workflow.priority, 0), due, coalesce(due > stepwell.clock(), false), start_workflow.deadline,
               coalesce((select w.max_recoveries from stepwell.workflow_status w
                         where w.namespace = tenant and w.name = part[1] order by w.created_at desc limit 1), 20),
               input, 'json'
        on conflict do nothing;
        if found then
            insert into stepwell.workflow_attributes (run_id, attributes)
            select new_run, start_workflow.attributes where start_workflow.attributes is not null;
            perform stepwell.hint('work');
            return new_id;
        end if;
        select w.name, w.input, w.codec_id into there from stepwell.workflow_status w
        where w.namespace = tenant and w.workflow_id = new_id and w.current;
        if not found then
            continue;  -- it has been deleted or replaced meanwhile
        elsif there.name <> part[1] then
            raise exception using errcode = 'SW409',
                message = format('the id %L belongs to a run of %s, not of %s', new_id, there.name, part[1]),
                hint = 'Use another id.';
        elsif there.codec_id is not null or not stepwell.same_call(there.input, input) then
            raise exception using errcode = 'SW409',
                message = format('the id %L belongs to a run of %s with other inputs', new_id, part[1]),
                hint = 'Use another id. args and kwargs must be spelled the same way.';
        end if;
        return new_id;
    end loop;
    raise exception using errcode = '40001', message = format('runs with the id %L vanish again and again', new_id);
end $$;

-- Sends a message to a run. With a key it is there once, however often it is sent. SW410 if the run has ended.
create or replace function stepwell.send_message(id text, message json, topic text default null, key text default null)
returns void language plpgsql volatile security definer set search_path = pg_catalog, pg_temp as $$
#variable_conflict use_column
declare
    destination uuid := stepwell.run_of(send_message.id);
    run record;
    body text := stepwell.plain_json(coalesce(send_message.message, 'null'), 'message');
    wanted_key text := coalesce(send_message.key, '!stepwell:' || gen_random_uuid()::text);
    wanted_topic text := coalesce(send_message.topic, '');
begin
    perform stepwell.checked_text(send_message.topic, 'topic'), stepwell.checked_text(wanted_key, 'key');
    -- Answers to tokens have such topics: nobody gives one without the token's signature.
    if starts_with(wanted_topic, '!stepwell:') or starts_with(send_message.key, '!stepwell:') then
        raise exception using errcode = '22023',
            message = 'topic and key must not begin with ''!stepwell:'', which the engine keeps for itself';
    end if;
    -- Shared, as the run's own checkpoints take it: it neither ends nor parks unseen before the caller commits.
    select w.completed_at, w.status into run from stepwell.workflow_status w where w.run_id = destination for share;
    if run.completed_at is not null then
        if exists (select from stepwell.messages m where m.run_id = destination and m.key = wanted_key) then
            return;
        end if;
        raise exception using errcode = 'SW410',
            message = format('workflow %L has ended (%s): nobody will receive the message', send_message.id, run.status);
    end if;
    insert into stepwell.messages (run_id, key, topic, body) values (destination, wanted_key, wanted_topic, body)
    on conflict (run_id, key) do nothing;
    if run.status = 'WAITING' and exists (
        select from stepwell.waits w where w.run_id = destination and w.kind = 'message' and w.topic = wanted_topic
    ) then
        -- Passed over if another sender holds it too: then whoever looks next finds the message.
        with woken as (
            update stepwell.workflow_status w set status = 'ENQUEUED'
            where w.ctid = any (array(select s.ctid from stepwell.workflow_status s
                                      where s.run_id = destination and s.status = 'WAITING'
                                      for no key update skip locked))
            returning w.run_id
        )
        delete from stepwell.waits where run_id = any (array(select k.run_id from woken k));
    end if;
    perform stepwell.hint('message');
end $$;

-- Requests a cancellation, of the run and of the children that follow it; `force`: CANCELLED at once, without cleanup.
-- False: it had ended. The same as operators/cancel.sql.
create or replace function stepwell.cancel_workflow(id text, force boolean default false) returns boolean
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp as $$
#variable_conflict use_column
declare
    wanted uuid := stepwell.run_of(cancel_workflow.id);
    at_once boolean := coalesce(cancel_workflow.force, false);
    was_touched boolean;
begin
    with recursive family as (
        select wanted as run_id
        union
        select c.run_id
        from family f
        join stepwell.workflow_status c on c.parent_run_id = f.run_id
        where c.current and c.parent_run_id is not null and c.parent_close = 'cancel'
    ), standing as materialized (
        select s.run_id, at_once or s.status = 'DEAD' or (s.status = 'ENQUEUED' and s.started_at is null) as ends
        from stepwell.workflow_status s
        where s.run_id = any (array(select f.run_id from family f)) and s.completed_at is null
        order by s.run_id
        for no key update
    ), touched as (
        update stepwell.workflow_status w
        set cancel_reason = coalesce(w.cancel_reason, 'cancel'),
            cancel_requested_at = coalesce(w.cancel_requested_at, stepwell.clock()),
            status = case when n.ends then 'CANCELLED' when w.status in ('WAITING', 'BLOCKED') then 'ENQUEUED'
                          else w.status end,
            reason = case when n.ends then coalesce(w.cancel_reason, 'cancel') when w.status = 'BLOCKED' then null
                          else w.reason end,
            completed_at = case when n.ends then stepwell.clock() end,
            owner = case when not n.ends then w.owner end,
            delayed = w.delayed and not n.ends,
            epoch = w.epoch + at_once::integer
        from standing n
        where w.run_id = n.run_id
        returning w.run_id, w.status
    ), gone as (
        delete from stepwell.waits
        where run_id = any (array(select t.run_id from touched t where t.status in ('ENQUEUED', 'CANCELLED')))
    )
    select coalesce(bool_or(t.run_id = wanted), false) into was_touched from touched t;
    if was_touched then
        perform stepwell.hint('cancel');
    end if;
    return was_touched;
end $$;

-- What a run has returned; null (not JSON's) while it has not ended. SW500 if it failed, SW499 if it was cancelled.
create or replace function stepwell.workflow_result(id text) returns json
language plpgsql stable security definer set search_path = pg_catalog, pg_temp as $$
#variable_conflict use_column
declare
    wanted uuid := stepwell.run_of(workflow_result.id);
    run record;
begin
    select w.status, w.output, w.output_codec_id, w.reason, stepwell.readable_json(w.error) as error into run
    from stepwell.workflow_status w where w.run_id = wanted;
    if run.status = 'ERROR' then
        raise exception using errcode = 'SW500',
            message = format('workflow %L failed: %s', workflow_result.id,
                case json_typeof(run.error) when 'object' then coalesce(run.error ->> 'type', '?') else '?' end),
            hint = 'select error from workflows where workflow_id = ...';
    elsif run.status = 'CANCELLED' then
        raise exception using errcode = 'SW499',
            message = format('workflow %L was cancelled (%s)', workflow_result.id, run.reason);
    elsif run.output_codec_id is not null then
        raise exception using errcode = '0A000',
            message = format('the result of workflow %L went through a codec: only the engine reads it', workflow_result.id);
    elsif run.status = 'SUCCESS' then
        return coalesce(run.output, 'null')::json;
    end if;
    return null;
end $$;

revoke all on function
    stepwell.hint(text), stepwell.uuid7(), stepwell.ascii_json(text), stepwell.plain_json(json, text),
    stepwell.checked_text(text, text, integer), stepwell.namespace_here(), stepwell.app_for(text, text, text),
    stepwell.same_call(text, text), stepwell.run_of(text),
    stepwell.start_workflow(text, json, json, text, text, int, interval, timestamptz, jsonb),
    stepwell.send_message(text, json, text, text), stepwell.cancel_workflow(text, boolean),
    stepwell.workflow_result(text)
from public;
