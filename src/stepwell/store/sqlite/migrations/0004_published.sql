-- kind: pre
-- Published events, who subscribed to them, and waits for them.

-- What the workflows of an app do on an event. Written by the processes that execute them, read by who publishes.
CREATE TABLE subscriptions (
    namespace      TEXT NOT NULL,
    event          TEXT NOT NULL,
    app            TEXT NOT NULL,
    workflow       TEXT NOT NULL,
    mode           TEXT NOT NULL CHECK (mode IN ('start', 'cancel')),
    route          TEXT NOT NULL,
    version        TEXT,
    queue          TEXT,
    timeout        REAL,                 -- of the runs that it starts, seconds
    max_recoveries INTEGER NOT NULL DEFAULT 20,
    filter         TEXT,                 -- NULL: every event
    parameters     TEXT NOT NULL,        -- JSON
    PRIMARY KEY (namespace, event, app, workflow, mode)
) STRICT, WITHOUT ROWID;

-- AUTOINCREMENT: a number is never used again, also when all events were deleted. There is one writer, so numbers become
-- visible in their order.
CREATE TABLE published_events (
    number       INTEGER PRIMARY KEY AUTOINCREMENT,
    namespace    TEXT NOT NULL,
    id           TEXT NOT NULL,
    event        TEXT NOT NULL,
    payload      TEXT NOT NULL,
    codec_id     TEXT,
    cancelling   INTEGER NOT NULL DEFAULT 0 CHECK (cancelling IN (0, 1)), -- who cancels because of it has not done so yet
    published_at REAL NOT NULL,
    UNIQUE (namespace, id)
) STRICT;
CREATE INDEX published_events_order ON published_events (namespace, event, number);
CREATE INDEX published_events_age ON published_events (namespace, published_at);
CREATE INDEX published_events_cancelling ON published_events (namespace, published_at) WHERE cancelling = 1;

-- A wait of kind 'published': for an event `key` above `position`. Whoever publishes evaluates the filter.
ALTER TABLE waits ADD COLUMN position INTEGER;
ALTER TABLE waits ADD COLUMN filter TEXT;
CREATE INDEX waits_published ON waits (key) WHERE kind = 'published';
