-- kind: pre
-- The first schema. The same tables and columns as in the Postgres store, with SQLite's types:
-- uuid is a BLOB of 16 bytes, an instant a REAL of unix seconds, a boolean an INTEGER, JSON is TEXT.

CREATE TABLE workflow_status (
    run_id              BLOB NOT NULL PRIMARY KEY CHECK (length(run_id) = 16),
    namespace           TEXT NOT NULL,
    app                 TEXT NOT NULL,
    workflow_id         TEXT NOT NULL,
    current             INTEGER NOT NULL DEFAULT 1 CHECK (current IN (0, 1)),
    name                TEXT NOT NULL,
    version             TEXT,
    instance            TEXT,
    route               TEXT NOT NULL,
    code_hint           TEXT,
    tried_hints         TEXT,
    status              TEXT NOT NULL CHECK (status IN (
                            'ENQUEUED', 'PENDING', 'WAITING', 'BLOCKED', 'DEAD', 'SUCCESS', 'ERROR', 'CANCELLED')),
    reason              TEXT,
    epoch               INTEGER NOT NULL DEFAULT 0,
    owner               BLOB CHECK (owner IS NULL OR length(owner) = 16),
    attempts            INTEGER NOT NULL DEFAULT 0,
    recoveries          INTEGER NOT NULL DEFAULT 0,
    max_recoveries      INTEGER NOT NULL DEFAULT 20,
    cancel_reason       TEXT,
    cancel_requested_at REAL,
    deadline            REAL,
    queue               TEXT,
    priority            INTEGER NOT NULL DEFAULT 0,
    partition_key       TEXT,
    dedup_key           TEXT,
    not_before          REAL,
    parent_run_id       BLOB,
    parent_branch       TEXT,
    parent_seq          INTEGER,
    parent_close        TEXT NOT NULL DEFAULT 'cancel' CHECK (parent_close IN ('cancel', 'abandon')),
    root_run_id         BLOB,
    prev_run_id         BLOB,
    forked_from         BLOB,
    engine_format       INTEGER NOT NULL,
    input_digest        TEXT NOT NULL,
    format              TEXT NOT NULL DEFAULT 'json',
    codec_id            TEXT,
    output_codec_id     TEXT,
    created_at          REAL NOT NULL,
    started_at          REAL,
    completed_at        REAL,
    input               TEXT NOT NULL,
    output              TEXT,
    error               TEXT,
    CONSTRAINT completed_exactly_when_terminal
        CHECK ((completed_at IS NOT NULL) = (status IN ('SUCCESS', 'ERROR', 'CANCELLED'))),
    CONSTRAINT owned_exactly_when_pending
        CHECK ((owner IS NOT NULL) = (status = 'PENDING')),
    CONSTRAINT parent_is_whole
        CHECK ((parent_run_id IS NULL) = (parent_branch IS NULL) AND (parent_run_id IS NULL) = (parent_seq IS NULL))
) STRICT;

-- The two gates: who holds an id now, and which child belongs to a place in its parent.
CREATE UNIQUE INDEX workflow_status_id ON workflow_status (namespace, workflow_id) WHERE current = 1;
CREATE UNIQUE INDEX workflow_status_gate ON workflow_status (parent_run_id, parent_branch, parent_seq)
    WHERE parent_run_id IS NOT NULL AND current = 1;
CREATE INDEX workflow_status_children ON workflow_status (parent_run_id) WHERE parent_run_id IS NOT NULL;

-- What claims look at, in the order in which they take; it carries all that they filter on.
CREATE INDEX workflow_status_claim ON workflow_status
    (app, namespace, priority, created_at, route, queue, not_before) WHERE status = 'ENQUEUED';
CREATE INDEX workflow_status_later ON workflow_status (not_before)
    WHERE status = 'ENQUEUED' AND not_before IS NOT NULL;

-- What sweeps and heartbeats look at. All but `done` hold only rows that have not ended.
CREATE INDEX workflow_status_owner ON workflow_status (owner) WHERE owner IS NOT NULL;
CREATE INDEX workflow_status_cancel ON workflow_status (status, owner)
    WHERE cancel_reason IS NOT NULL AND completed_at IS NULL;
CREATE INDEX workflow_status_deadline ON workflow_status (deadline)
    WHERE deadline IS NOT NULL AND cancel_reason IS NULL AND completed_at IS NULL;
CREATE INDEX workflow_status_closing ON workflow_status (parent_run_id)
    WHERE parent_run_id IS NOT NULL AND current = 1 AND parent_close = 'cancel' AND cancel_reason IS NULL
      AND completed_at IS NULL;
CREATE INDEX workflow_status_blocked ON workflow_status (route) WHERE status = 'BLOCKED';
CREATE INDEX workflow_status_done ON workflow_status (namespace, app, completed_at) WHERE completed_at IS NOT NULL;

-- What lists look for, newest first (a run_id begins with its time).
CREATE INDEX workflow_status_name ON workflow_status (namespace, name, run_id);
CREATE INDEX workflow_status_unsuccessful ON workflow_status (namespace, status, run_id) WHERE status <> 'SUCCESS';

CREATE TABLE workflow_attributes (
    run_id     BLOB NOT NULL PRIMARY KEY,
    attributes TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- One row per recorded outcome, written once. No second index, no foreign key. With a rowid, so that rows
-- of many runs that arrive together lie together: fewer pages per batch, measured 10-30 % more steps per second.
CREATE TABLE operation_outputs (
    run_id       BLOB NOT NULL,
    branch       TEXT NOT NULL,
    seq          INTEGER NOT NULL,
    name         TEXT NOT NULL,
    kind         TEXT NOT NULL,
    ended        TEXT NOT NULL CHECK (ended IN ('ok', 'error', 'abandoned', 'cancelled')),
    output       TEXT,
    error        TEXT,
    fingerprint  INTEGER NOT NULL,
    pos          INTEGER NOT NULL,
    epoch        INTEGER NOT NULL,
    attempts     INTEGER NOT NULL DEFAULT 1,
    child_run    BLOB,
    codec_id     TEXT,
    elapsed      REAL NOT NULL,
    completed_at REAL NOT NULL,
    PRIMARY KEY (run_id, branch, seq)
) STRICT;

-- Begun and not ended; removed with the outcome.
CREATE TABLE operation_intents (
    run_id     BLOB NOT NULL,
    branch     TEXT NOT NULL,
    seq        INTEGER NOT NULL,
    name       TEXT NOT NULL,
    kind       TEXT NOT NULL CHECK (kind IN ('once', 'attempt', 'wait')),
    epoch      INTEGER NOT NULL,
    attempt    INTEGER NOT NULL DEFAULT 0,
    due        REAL,
    error      TEXT,
    started_at REAL NOT NULL,
    PRIMARY KEY (run_id, branch, seq)
) STRICT, WITHOUT ROWID;

-- What resume and rewind took out of a run: operations, and the run's own old outcome (kind 'run', seq -1).
CREATE TABLE archived_outcomes (
    run_id         BLOB NOT NULL,
    archived_epoch INTEGER NOT NULL,
    branch         TEXT NOT NULL,
    seq            INTEGER NOT NULL,
    name           TEXT NOT NULL,
    kind           TEXT NOT NULL,
    ended          TEXT NOT NULL,
    reason         TEXT,
    output         TEXT,
    error          TEXT,
    fingerprint    INTEGER,
    pos            INTEGER,
    epoch          INTEGER NOT NULL,
    attempts       INTEGER NOT NULL,
    child_run      BLOB,
    codec_id       TEXT,
    started_at     REAL,
    completed_at   REAL NOT NULL,
    archived_at    REAL NOT NULL,
    PRIMARY KEY (run_id, archived_epoch, branch, seq)
) STRICT, WITHOUT ROWID;

-- Rows exist exactly while their run is WAITING.
CREATE TABLE waits (
    run_id     BLOB NOT NULL,
    branch     TEXT NOT NULL,
    seq        INTEGER NOT NULL,
    kind       TEXT NOT NULL,
    wake_at    REAL,
    target_run BLOB,
    topic      TEXT NOT NULL DEFAULT '', -- of the message that a 'message' waits for; '': none
    key        TEXT,                     -- of an 'event' or 'stream' of target_run
    number     INTEGER,                  -- of the entry that a 'stream' waits for
    PRIMARY KEY (run_id, branch, seq)
) STRICT, WITHOUT ROWID;
CREATE INDEX waits_due ON waits (wake_at) WHERE wake_at IS NOT NULL;
CREATE INDEX waits_target ON waits (target_run, key) WHERE target_run IS NOT NULL;

CREATE TABLE executors (
    incarnation BLOB NOT NULL PRIMARY KEY CHECK (length(incarnation) = 16),
    namespace   TEXT NOT NULL,
    app         TEXT NOT NULL,
    label       TEXT NOT NULL,
    beat        INTEGER NOT NULL DEFAULT 0,
    lease_until REAL NOT NULL,
    draining    INTEGER NOT NULL DEFAULT 0 CHECK (draining IN (0, 1)),
    serves      TEXT NOT NULL DEFAULT '[]',
    queues      TEXT NOT NULL DEFAULT '[]',
    started_at  REAL NOT NULL
) STRICT, WITHOUT ROWID;

-- Row leases: who may do a job that one process at a time should do.
CREATE TABLE leases (
    name   TEXT NOT NULL PRIMARY KEY,
    holder BLOB NOT NULL,
    until  REAL NOT NULL
) STRICT, WITHOUT ROWID;

-- What all processes of a namespace share, and whoever may not read this file must not know.
CREATE TABLE secrets (
    namespace  TEXT NOT NULL,
    name       TEXT NOT NULL,
    value      TEXT NOT NULL,
    created_at REAL NOT NULL,
    PRIMARY KEY (namespace, name)
) STRICT, WITHOUT ROWID;

-- What runs are sent. `number` is the order of arrival, topic '' means without one; consumed_branch and _seq name
-- the receive that took the message.
CREATE TABLE messages (
    number           INTEGER PRIMARY KEY,
    run_id           BLOB NOT NULL,
    key              TEXT NOT NULL,
    topic            TEXT NOT NULL DEFAULT '',
    body             TEXT NOT NULL,
    format           TEXT NOT NULL DEFAULT 'json',
    codec_id         TEXT,
    sender_run       BLOB,
    reply_to         TEXT,
    sent_at          REAL NOT NULL,
    consumed_epoch   INTEGER,
    consumed_branch  TEXT,
    consumed_seq     INTEGER,
    UNIQUE (run_id, key)
) STRICT;
CREATE INDEX messages_waiting ON messages (run_id, topic, number) WHERE consumed_seq IS NULL;

-- The place (branch, seq) is the one that wrote the event last.
CREATE TABLE events (
    run_id   BLOB NOT NULL,
    key      TEXT NOT NULL,
    value    TEXT NOT NULL,
    format   TEXT NOT NULL DEFAULT 'json',
    codec_id TEXT,
    branch   TEXT NOT NULL,
    seq      INTEGER NOT NULL,
    set_at   REAL NOT NULL,
    PRIMARY KEY (run_id, key)
) STRICT, WITHOUT ROWID;

-- Numbers are dense from 0; the value is NULL exactly in the closing entry.
CREATE TABLE streams (
    run_id     BLOB NOT NULL,
    key        TEXT NOT NULL,
    number     INTEGER NOT NULL,
    value      TEXT,
    closed     INTEGER NOT NULL DEFAULT 0 CHECK (closed IN (0, 1)),
    format     TEXT NOT NULL DEFAULT 'json',
    codec_id   TEXT,
    written_at REAL NOT NULL,
    PRIMARY KEY (run_id, key, number),
    CHECK (closed = (value IS NULL))
) STRICT, WITHOUT ROWID;

-- The places that have written an event or an entry: each writes once, also if another wrote the same key since.
CREATE TABLE publications (
    run_id BLOB NOT NULL,
    branch TEXT NOT NULL,
    seq    INTEGER NOT NULL,
    kind   TEXT NOT NULL CHECK (kind IN ('event', 'stream')),
    key    TEXT NOT NULL,
    PRIMARY KEY (run_id, branch, seq, kind, key)
) STRICT, WITHOUT ROWID;

-- What belongs to a run leaves with it, whoever deletes it.
CREATE TRIGGER workflow_status_deleted AFTER DELETE ON workflow_status
BEGIN
    DELETE FROM operation_outputs WHERE run_id = old.run_id;
    DELETE FROM operation_intents WHERE run_id = old.run_id;
    DELETE FROM waits WHERE run_id = old.run_id;
    DELETE FROM workflow_attributes WHERE run_id = old.run_id;
    DELETE FROM archived_outcomes WHERE run_id = old.run_id;
    DELETE FROM messages WHERE run_id = old.run_id;
    DELETE FROM events WHERE run_id = old.run_id;
    DELETE FROM streams WHERE run_id = old.run_id;
    DELETE FROM publications WHERE run_id = old.run_id;
END;

CREATE TABLE queues (
    namespace             TEXT NOT NULL,
    name                  TEXT NOT NULL,
    concurrency           INTEGER,
    worker_concurrency    INTEGER,
    rate_limit            INTEGER,
    rate_period           REAL,
    partition_concurrency INTEGER,
    partition_rate_limit  INTEGER,
    partition_rate_period REAL,
    fair                  INTEGER NOT NULL DEFAULT 1 CHECK (fair IN (0, 1)),
    paused                INTEGER NOT NULL DEFAULT 0 CHECK (paused IN (0, 1)),
    PRIMARY KEY (namespace, name)
) STRICT, WITHOUT ROWID;

CREATE TABLE schedules (
    namespace     TEXT NOT NULL,
    name          TEXT NOT NULL,
    app           TEXT NOT NULL,
    cron          TEXT NOT NULL,
    timezone      TEXT NOT NULL,
    workflow      TEXT NOT NULL,
    route         TEXT NOT NULL,
    input         TEXT NOT NULL,
    codec_id      TEXT,
    queue         TEXT,
    catch_up      TEXT NOT NULL DEFAULT 'latest' CHECK (catch_up IN ('latest', 'skip', 'all')),
    overlap       TEXT NOT NULL DEFAULT 'skip' CHECK (overlap IN ('skip', 'queue', 'cancel', 'allow')),
    jitter        REAL NOT NULL DEFAULT 0,
    paused        INTEGER NOT NULL DEFAULT 0 CHECK (paused IN (0, 1)),
    next_at       REAL,
    last_at       REAL,
    PRIMARY KEY (namespace, name)
) STRICT, WITHOUT ROWID;

-- The public interface for SQL: documented and stable. They need no function of ours, so that any
-- program that reads SQLite can read them.
CREATE VIEW workflows AS
SELECT w.workflow_id,
       lower(substr(hex(w.run_id), 1, 8) || '-' || substr(hex(w.run_id), 9, 4) || '-' || substr(hex(w.run_id), 13, 4)
             || '-' || substr(hex(w.run_id), 17, 4) || '-' || substr(hex(w.run_id), 21)) AS run_id,
       w.name, w.version, w.status, w.reason, w.queue, w.priority,
       CASE WHEN w.owner IS NOT NULL THEN
           lower(substr(hex(w.owner), 1, 8) || '-' || substr(hex(w.owner), 9, 4) || '-' || substr(hex(w.owner), 13, 4)
                 || '-' || substr(hex(w.owner), 17, 4) || '-' || substr(hex(w.owner), 21)) END AS owner,
       w.attempts, p.workflow_id AS parent_id, a.attributes, w.input, w.output, w.error,
       strftime('%Y-%m-%dT%H:%M:%fZ', w.created_at, 'unixepoch') AS created_at,
       strftime('%Y-%m-%dT%H:%M:%fZ', w.started_at, 'unixepoch') AS started_at,
       strftime('%Y-%m-%dT%H:%M:%fZ', w.completed_at, 'unixepoch') AS completed_at
FROM workflow_status w
LEFT JOIN workflow_status p ON p.run_id = w.parent_run_id
LEFT JOIN workflow_attributes a ON a.run_id = w.run_id;

CREATE VIEW steps AS
SELECT w.workflow_id,
       lower(substr(hex(o.run_id), 1, 8) || '-' || substr(hex(o.run_id), 9, 4) || '-' || substr(hex(o.run_id), 13, 4)
             || '-' || substr(hex(o.run_id), 17, 4) || '-' || substr(hex(o.run_id), 21)) AS run_id,
       o.branch, o.seq, o.name, o.kind, o.ended, o.output, o.error, o.attempts,
       strftime('%Y-%m-%dT%H:%M:%fZ', o.completed_at - o.elapsed, 'unixepoch') AS started_at,
       strftime('%Y-%m-%dT%H:%M:%fZ', o.completed_at, 'unixepoch') AS completed_at
FROM operation_outputs o
JOIN workflow_status w ON w.run_id = o.run_id;

CREATE VIEW workflow_messages AS
SELECT w.workflow_id,
       lower(substr(hex(m.run_id), 1, 8) || '-' || substr(hex(m.run_id), 9, 4) || '-' || substr(hex(m.run_id), 13, 4)
             || '-' || substr(hex(m.run_id), 17, 4) || '-' || substr(hex(m.run_id), 21)) AS run_id,
       m.number, m.key, nullif(m.topic, '') AS topic, m.body AS message,
       CASE WHEN m.sender_run IS NOT NULL THEN
           lower(substr(hex(m.sender_run), 1, 8) || '-' || substr(hex(m.sender_run), 9, 4) || '-' || substr(hex(m.sender_run), 13, 4)
                 || '-' || substr(hex(m.sender_run), 17, 4) || '-' || substr(hex(m.sender_run), 21)) END AS sender_run,
       m.reply_to, strftime('%Y-%m-%dT%H:%M:%fZ', m.sent_at, 'unixepoch') AS sent_at,
       m.consumed_seq IS NOT NULL AS received, m.consumed_branch AS branch, m.consumed_seq AS seq
FROM messages m
JOIN workflow_status w ON w.run_id = m.run_id;

CREATE VIEW workflow_events AS
SELECT w.workflow_id,
       lower(substr(hex(e.run_id), 1, 8) || '-' || substr(hex(e.run_id), 9, 4) || '-' || substr(hex(e.run_id), 13, 4)
             || '-' || substr(hex(e.run_id), 17, 4) || '-' || substr(hex(e.run_id), 21)) AS run_id,
       e.key, e.value, strftime('%Y-%m-%dT%H:%M:%fZ', e.set_at, 'unixepoch') AS set_at
FROM events e
JOIN workflow_status w ON w.run_id = e.run_id;

CREATE VIEW workflow_streams AS
SELECT w.workflow_id,
       lower(substr(hex(s.run_id), 1, 8) || '-' || substr(hex(s.run_id), 9, 4) || '-' || substr(hex(s.run_id), 13, 4)
             || '-' || substr(hex(s.run_id), 17, 4) || '-' || substr(hex(s.run_id), 21)) AS run_id,
       s.key, s.number, s.value, s.closed, strftime('%Y-%m-%dT%H:%M:%fZ', s.written_at, 'unixepoch') AS written_at
FROM streams s
JOIN workflow_status w ON w.run_id = s.run_id;

CREATE VIEW queue_depth AS
SELECT namespace, queue,
       sum(status = 'ENQUEUED') AS enqueued,
       sum(status = 'PENDING') AS pending
FROM workflow_status
WHERE queue IS NOT NULL AND completed_at IS NULL
GROUP BY namespace, queue;
