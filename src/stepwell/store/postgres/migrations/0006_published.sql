-- kind: pre
-- Published events, who subscribed to them, and waits for them.

-- What the workflows of an app do on an event. Written by the processes that execute them, read by who publishes.
create table stepwell.subscriptions (
    timeout         double precision,                    -- of the runs that it starts, seconds
    max_recoveries  integer not null default 20,
    namespace       text not null,
    event           text collate "C" not null,
    app             text collate "C" not null,
    workflow        text collate "C" not null,
    mode            text collate "C" not null check (mode in ('start', 'cancel')),
    route           text not null,
    version         text,
    queue           text,
    filter          text,                                -- null: every event
    parameters      text not null,                       -- JSON
    primary key (namespace, event, app, workflow, mode)
);

-- An identity is drawn when a row is inserted, and rows of one name are inserted one transaction after the other: an
-- advisory lock of the name sees to it. So their numbers become visible in their order, and a reader may go on from the
-- last that it has seen. (An identity alone would not do: the order of commits is another one.)
create table stepwell.published_events (
    number        bigint generated always as identity,
    published_at  timestamptz not null default stepwell.clock(),
    cancelling    boolean not null default false,        -- whoever cancels because of it has not done so yet
    namespace     text not null,
    id            text collate "C" not null,
    event         text collate "C" not null,
    payload       text not null,
    codec_id      text,
    primary key (namespace, id)
) with (fillfactor = 95, autovacuum_vacuum_insert_scale_factor = 0.05, autovacuum_analyze_scale_factor = 0.02);
create unique index published_events_order on stepwell.published_events (namespace, event, number);
create index published_events_age on stepwell.published_events (namespace, published_at);
create index published_events_cancelling on stepwell.published_events (namespace, published_at) where cancelling;

-- A wait of kind 'published': for an event `key` above `position`. Whoever publishes evaluates the filter.
alter table stepwell.waits add column position bigint, add column filter text;
create index waits_published on stepwell.waits (key) where kind = 'published';
