-- kind: pre
-- Everything that the first release needs. Columns of later features are here already where adding them
-- to a large table would hurt. Column order is by width, to keep the rows of the hot tables lean.
-- No index but a primary key contains run_id: with fresh statistics such an index ties with the primary
-- key in cost and is then scanned whole, once per row of a batch.

create table stepwell.migrations (
    number      integer primary key,
    name        text not null,
    kind        text not null check (kind in ('pre', 'post')),
    applied_at  timestamptz not null default clock_timestamp()
);

-- The only clock of every statement. Tests replace it; in production it is inlined to clock_timestamp().
create function stepwell.clock() returns timestamptz language sql volatile as 'select clock_timestamp()';

-- Views show payloads as json. What is no JSON (a codec's text) is shown as a JSON string: never an error.
create function stepwell.readable_json(payload text) returns json language plpgsql immutable strict as $$
begin
    return payload::json;
exception when others then
    return to_json(payload);
end $$;

create table stepwell.workflow_status (
    run_id               uuid primary key,
    created_at           timestamptz not null default stepwell.clock(),
    started_at           timestamptz,
    completed_at         timestamptz,
    deadline             timestamptz,
    not_before           timestamptz,
    cancel_requested_at  timestamptz,
    epoch                integer not null default 0,
    attempts             integer not null default 0,
    recoveries           integer not null default 0,
    max_recoveries       integer not null default 20,
    priority             integer not null default 0,
    engine_format        integer not null default 1,
    current              boolean not null default true,  -- false: replaced; its id, or its parent's gate, is free
    delayed              boolean not null default false, -- ENQUEUED, and not_before was not reached yet when last seen
    status               text not null,
    workflow_id          text collate "C" not null,
    namespace            text not null default 'default',
    app                  text not null default 'default',
    name                 text not null,
    route                text not null,
    queue                text not null default '',       -- '': started directly
    owner                uuid,
    parent_run_id        uuid,
    root_run_id          uuid,
    prev_run_id          uuid,
    forked_from          uuid,
    parent_seq           integer,
    parent_branch        text,
    parent_close         text not null default 'cancel' check (parent_close in ('cancel', 'abandon')),
    version              text,
    instance             text,
    code_hint            text,
    tried_hints          text,                           -- code hashes that met BLOCKED, one per line
    reason               text,
    cancel_reason        text,
    partition_key        text,
    dedup_key            text,
    format               text,                           -- null: JSON
    codec_id             text,
    output_codec_id      text,
    input_digest         text not null,
    input                text not null,
    output               text,
    error                text,
    constraint workflow_status_status check (status in
        ('ENQUEUED', 'PENDING', 'WAITING', 'BLOCKED', 'DEAD', 'SUCCESS', 'ERROR', 'CANCELLED')),
    constraint workflow_status_completed check
        ((completed_at is not null) = (status in ('SUCCESS', 'ERROR', 'CANCELLED'))),
    constraint workflow_status_owned check ((owner is not null) = (status = 'PENDING')),
    constraint workflow_status_delayed check (not delayed or (status = 'ENQUEUED' and not_before is not null)),
    constraint workflow_status_gate check
        ((parent_run_id is null) = (parent_branch is null) and (parent_run_id is null) = (parent_seq is null))
) with (fillfactor = 90, autovacuum_vacuum_scale_factor = 0.02, autovacuum_analyze_scale_factor = 0.02);

-- An update that changes the status writes an entry into every index whose predicate holds: keep them few.
create unique index workflow_status_id on stepwell.workflow_status (namespace, workflow_id) where current;
create index workflow_status_replaced_id on stepwell.workflow_status (namespace, workflow_id) where not current;
create unique index workflow_status_gate on stepwell.workflow_status (parent_run_id, parent_branch, parent_seq)
    where current and parent_run_id is not null;
create index workflow_status_replaced_child on stepwell.workflow_status (parent_run_id)
    where not current and parent_run_id is not null;
-- Live children that are to be asked to stop when their parent ends.
create index workflow_status_closing on stepwell.workflow_status (parent_run_id)
    where current and parent_close = 'cancel' and cancel_reason is null and completed_at is null
      and parent_run_id is not null;
create index workflow_status_claim on stepwell.workflow_status (namespace, app, queue, route, priority, created_at)
    where status = 'ENQUEUED' and not delayed;
create index workflow_status_delayed on stepwell.workflow_status (not_before) where delayed;
create index workflow_status_owner on stepwell.workflow_status (owner) where owner is not null;
create index workflow_status_cancelling on stepwell.workflow_status (owner)
    where cancel_reason is not null and completed_at is null;
create index workflow_status_deadline on stepwell.workflow_status (deadline)
    where deadline is not null and cancel_reason is null and completed_at is null;
create index workflow_status_completed on stepwell.workflow_status (namespace, app, completed_at)
    where completed_at is not null;
create index workflow_status_name on stepwell.workflow_status (namespace, name, created_at);
-- PENDING runs are found by their owners: a start and a claim need not write here.
create index workflow_status_unusual on stepwell.workflow_status (namespace, status, created_at)
    where status not in ('PENDING', 'SUCCESS');

-- Apart, because every update of workflow_status would write into their index again.
create table stepwell.workflow_attributes (
    run_id      uuid primary key,
    attributes  jsonb not null
);
create index workflow_attributes_search on stepwell.workflow_attributes using gin (attributes jsonb_path_ops);

create table stepwell.operation_outputs (
    run_id        uuid not null,
    fingerprint   bigint not null,
    completed_at  timestamptz not null default stepwell.clock(),
    elapsed       real not null,                         -- seconds
    seq           integer not null,
    pos           integer not null,
    epoch         integer not null,
    attempts      smallint not null default 1,
    branch        text collate "C" not null,
    name          text not null,
    kind          text not null,
    ended         text not null check (ended in ('ok', 'error', 'abandoned', 'cancelled')),
    output        text,
    error         text,
    child_run     uuid,
    codec_id      text,
    format        text,
    primary key (run_id, branch, seq)
) with (fillfactor = 100, autovacuum_vacuum_insert_scale_factor = 0.05, autovacuum_analyze_scale_factor = 0.02);

create table stepwell.operation_intents (
    run_id      uuid not null,
    due         timestamptz,
    created_at  timestamptz not null default stepwell.clock(),
    seq         integer not null,
    epoch       integer not null,
    attempt     integer not null default 0,
    branch      text collate "C" not null,
    name        text not null,
    kind        text not null,
    error       text,
    primary key (run_id, branch, seq)
) with (fillfactor = 80, autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 1000);

-- What rewind and resume took out of the way: `what` is 'run' (its outcome; branch '', seq 0) or 'step'.
create table stepwell.archived_outcomes (
    run_id       uuid not null,
    archived_at  timestamptz not null default stepwell.clock(),
    epoch        integer not null,                       -- of the run when it was archived
    seq          integer not null default 0,
    what         text not null check (what in ('run', 'step')),
    branch       text collate "C" not null default '',
    body         text not null,
    primary key (run_id, epoch, what, branch, seq)
);

create table stepwell.waits (
    run_id      uuid not null,
    wake_at     timestamptz,
    target_run  uuid,
    seq         integer not null,
    number      integer,                                 -- of the entry that a "stream" waits for
    branch      text collate "C" not null,
    kind        text not null,
    topic       text not null default '',                -- of the message that a "message" waits for; '': none
    key         text collate "C",                        -- of an "event" or "stream" of target_run
    primary key (run_id, branch, seq)
) with (fillfactor = 80, autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 1000);
create index waits_wake_at on stepwell.waits (wake_at) where wake_at is not null;
create index waits_target on stepwell.waits (target_run, key) where target_run is not null;

create table stepwell.executors (
    incarnation  uuid primary key,
    beat         bigint not null default 0,
    lease_until  timestamptz not null,
    started_at   timestamptz not null default stepwell.clock(),
    draining     boolean not null default false,
    namespace    text not null,
    app          text not null,
    label        text not null,
    serves       text[] not null,
    queues       text[] not null
) with (fillfactor = 50);

-- Row leases: who may sweep now.
create table stepwell.leases (
    name    text primary key,
    holder  uuid not null,
    until   timestamptz not null
) with (fillfactor = 50);

-- What all processes of a namespace share, and whoever may not read this table must not know.
create table stepwell.secrets (
    created_at  timestamptz not null default stepwell.clock(),
    namespace   text not null,
    name        text not null,
    value       text not null,
    primary key (namespace, name)
);

create table stepwell.messages (
    run_id           uuid not null,                      -- the destination
    number           bigint generated always as identity, -- order of arrival
    sent_at          timestamptz not null default stepwell.clock(),
    key              text collate "C" not null,
    topic            text not null default '',           -- '': without one
    body             text not null,
    format           text,
    codec_id         text,
    reply_to         text,
    sender_run       uuid,
    consumed_epoch   integer,
    consumed_seq     integer,
    consumed_branch  text,                               -- the receive (branch, seq) of run_id that took it
    primary key (run_id, key),
    check ((consumed_branch is null) = (consumed_seq is null))
) with (fillfactor = 90, autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 1000,
        autovacuum_analyze_scale_factor = 0.02);
-- What a receive reads, in its order, however many messages the run has consumed before. It begins with run_id
-- all the same: the statements that go by (run_id, key) do not say its predicate, so it cannot be their plan.
create index messages_waiting on stepwell.messages (run_id, topic, number) where consumed_seq is null;

create table stepwell.events (
    run_id    uuid not null,
    set_at    timestamptz not null default stepwell.clock(),
    seq       integer not null,
    branch    text not null,                             -- the place (branch, seq) that wrote it last
    key       text collate "C" not null,
    value     text not null,
    format    text,
    codec_id  text,
    primary key (run_id, key)
) with (fillfactor = 80, autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 1000);

create table stepwell.streams (
    run_id      uuid not null,
    written_at  timestamptz not null default stepwell.clock(),
    number      integer not null,                        -- dense from 0
    closed      boolean not null default false,
    key         text collate "C" not null,
    value       text,                                    -- null exactly in the closing entry
    format      text,
    codec_id    text,
    primary key (run_id, key, number),
    check (closed = (value is null))
) with (fillfactor = 100, autovacuum_vacuum_insert_scale_factor = 0.05, autovacuum_analyze_scale_factor = 0.02);

-- The places that have written an event or an entry: each writes once, also if another wrote the same key since.
create table stepwell.publications (
    run_id  uuid not null,
    seq     integer not null,
    branch  text collate "C" not null,
    kind    text not null check (kind in ('event', 'stream')),
    key     text collate "C" not null,
    primary key (run_id, branch, seq, kind, key)
) with (fillfactor = 100, autovacuum_vacuum_insert_scale_factor = 0.05, autovacuum_analyze_scale_factor = 0.02);

create table stepwell.queues (
    namespace              text not null,
    name                   text not null,
    concurrency            integer,
    worker_concurrency     integer,
    partition_concurrency  integer,
    rate_limit             integer,
    rate_period            double precision,             -- seconds
    partition_rate_limit   integer,
    partition_rate_period  double precision,
    fair                   boolean not null default true,
    paused                 boolean not null default false,
    updated_at             timestamptz not null default stepwell.clock(),
    primary key (namespace, name)
);

create table stepwell.schedules (
    namespace    text not null,
    name         text not null,
    app          text not null,
    cron         text not null,
    timezone     text not null,
    workflow     text not null,
    input        text not null,
    catch_up     text not null default 'latest' check (catch_up in ('latest', 'skip', 'all')),
    overlap      text not null default 'skip' check (overlap in ('skip', 'queue', 'cancel', 'allow')),
    jitter       double precision not null default 0,    -- seconds
    paused       boolean not null default false,
    last_fire    timestamptz,
    next_fire    timestamptz,
    updated_at   timestamptz not null default stepwell.clock(),
    primary key (namespace, name)
);

-- The public SQL interface: these views, not the tables.
create view stepwell.workflows as
select w.workflow_id, w.run_id, w.name, w.version, w.status, w.reason, nullif(w.queue, '') as queue, w.priority,
       w.owner, w.attempts,
       (select p.workflow_id from stepwell.workflow_status p where p.run_id = w.parent_run_id) as parent_id,
       (select a.attributes from stepwell.workflow_attributes a where a.run_id = w.run_id) as attributes,
       stepwell.readable_json(w.input) as input, stepwell.readable_json(w.output) as output,
       stepwell.readable_json(w.error) as error, w.created_at, w.started_at, w.completed_at
from stepwell.workflow_status w;

create view stepwell.steps as
select w.workflow_id, o.run_id, o.branch, o.seq, o.name, o.kind, o.ended,
       stepwell.readable_json(o.output) as output, stepwell.readable_json(o.error) as error, o.attempts::integer,
       o.completed_at - make_interval(secs => o.elapsed) as started_at, o.completed_at
from stepwell.operation_outputs o join stepwell.workflow_status w using (run_id)
union all
select w.workflow_id, i.run_id, i.branch, i.seq, i.name, i.kind, null,
       null, stepwell.readable_json(i.error), i.attempt, i.created_at, null
from stepwell.operation_intents i join stepwell.workflow_status w using (run_id);

create view stepwell.workflow_messages as
select w.workflow_id, m.run_id, m.number, m.key, nullif(m.topic, '') as topic, stepwell.readable_json(m.body) as message,
       m.sender_run, m.reply_to, m.sent_at, m.consumed_seq is not null as received, m.consumed_branch as branch,
       m.consumed_seq as seq
from stepwell.messages m join stepwell.workflow_status w using (run_id);

create view stepwell.workflow_events as
select w.workflow_id, e.run_id, e.key, stepwell.readable_json(e.value) as value, e.set_at
from stepwell.events e join stepwell.workflow_status w using (run_id);

create view stepwell.workflow_streams as
select w.workflow_id, s.run_id, s.key, s.number, stepwell.readable_json(s.value) as value, s.closed, s.written_at
from stepwell.streams s join stepwell.workflow_status w using (run_id);

create view stepwell.queue_depth as
select w.namespace, w.app, nullif(w.queue, '') as queue, w.name, w.delayed, count(*) as runs,
       min(w.created_at) as oldest
from stepwell.workflow_status w where w.status = 'ENQUEUED'
group by 1, 2, 3, 4, 5;

-- Functions, unlike tables, would otherwise be open to everyone.
revoke all on function stepwell.clock(), stepwell.readable_json(text) from public;
