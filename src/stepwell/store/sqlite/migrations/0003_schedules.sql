-- kind: pre
-- Schedules, with all that a start needs: whoever fires a tick needs no code of the workflow. The table of 0001 was
-- never used.

DROP TABLE schedules;

CREATE TABLE schedules (
    namespace      TEXT NOT NULL,
    name           TEXT NOT NULL,
    app            TEXT NOT NULL,
    kind           TEXT NOT NULL CHECK (kind IN ('cron', 'every', 'at')),
    expression     TEXT NOT NULL,
    timezone       TEXT NOT NULL,
    anchor         REAL NOT NULL,               -- of 'every': tick number 0
    workflow       TEXT NOT NULL,
    route          TEXT NOT NULL,
    version        TEXT,
    instance       TEXT,
    input          TEXT NOT NULL,
    input_digest   TEXT NOT NULL,
    codec_id       TEXT,
    max_recoveries INTEGER NOT NULL DEFAULT 20,
    queue          TEXT,
    priority       INTEGER NOT NULL DEFAULT 0,
    partition_key  TEXT,
    timeout        REAL,                        -- seconds
    attributes     TEXT,                        -- a JSON object
    expires        REAL,                        -- seconds
    catch_up       TEXT NOT NULL CHECK (catch_up IN ('latest', 'skip', 'all')),
    overlap        TEXT NOT NULL CHECK (overlap IN ('skip', 'queue', 'cancel', 'allow')),
    jitter         REAL NOT NULL DEFAULT 0,     -- seconds
    paused         INTEGER NOT NULL DEFAULT 0 CHECK (paused IN (0, 1)),
    next_fire      REAL,                        -- NULL: never again
    last_fire      REAL,
    last_skipped   REAL,
    last_run       BLOB,
    declared       TEXT,                        -- what code last declared, JSON; NULL: made at run time
    revision       INTEGER NOT NULL DEFAULT 1,  -- rises with every change
    created_at     REAL NOT NULL,
    updated_at     REAL NOT NULL,
    PRIMARY KEY (namespace, name)
) STRICT, WITHOUT ROWID;
CREATE INDEX schedules_due ON schedules (namespace, app, next_fire) WHERE paused = 0 AND next_fire IS NOT NULL;
