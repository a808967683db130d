-- kind: pre
-- Schedules, with all that a start needs: whoever fires a tick needs no code of the workflow. The table of 0001 was
-- never used.

drop table stepwell.schedules;

create table stepwell.schedules (
    created_at      timestamptz not null default stepwell.clock(),
    updated_at      timestamptz not null default stepwell.clock(),
    anchor          timestamptz not null,                  -- of 'every': tick number 0
    next_fire       timestamptz,                           -- null: never again
    last_fire       timestamptz,
    last_skipped    timestamptz,
    last_run        uuid,
    revision        bigint not null default 1,             -- rises with every change
    jitter          double precision not null default 0,   -- seconds
    timeout         double precision,                      -- seconds
    expires         double precision,                      -- seconds
    priority        integer not null default 0,
    max_recoveries  integer not null default 20,
    paused          boolean not null default false,
    namespace       text not null,
    app             text not null,
    name            text collate "C" not null,
    kind            text not null check (kind in ('cron', 'every', 'at')),
    expression      text not null,
    timezone        text not null,
    catch_up        text not null check (catch_up in ('latest', 'skip', 'all')),
    overlap         text not null check (overlap in ('skip', 'queue', 'cancel', 'allow')),
    workflow        text not null,
    route           text not null,
    version         text,
    instance        text,
    queue           text,
    partition_key   text,
    codec_id        text,
    input_digest    text not null,
    input           text not null,
    attributes      text,                                  -- a JSON object
    declared        text,                                  -- what code last declared, JSON; null: made at run time
    primary key (namespace, name)
) with (fillfactor = 70);
create index schedules_due on stepwell.schedules (namespace, app, next_fire) where not paused and next_fire is not null;
