-- kind: pre
-- Queues: limits, partitions, priorities that age, keys of which one run may wait or run, and starts that expire.
-- What runs of a queue is never remembered but counted where it is true, in the rows of its owned runs; what has been
-- started of late, for the rates, is a few buckets per queue. The table of 0001 was never used.

ALTER TABLE workflow_status ADD COLUMN expires_at REAL;  -- not started by then: CANCELLED
-- Its not_before was not reached when a claim looked last: claims never step over what is not due.
ALTER TABLE workflow_status ADD COLUMN delayed INTEGER NOT NULL DEFAULT 0 CHECK (delayed IN (0, 1));
-- What claims search by: '' is without a queue, or a partition; a level of priority is worth a minute of waiting.
ALTER TABLE workflow_status ADD COLUMN in_queue TEXT GENERATED ALWAYS AS (ifnull(queue, '')) VIRTUAL;
ALTER TABLE workflow_status ADD COLUMN in_partition TEXT GENERATED ALWAYS AS (ifnull(partition_key, '')) VIRTUAL;
ALTER TABLE workflow_status ADD COLUMN rank REAL GENERATED ALWAYS AS (created_at + 60.0 * priority) VIRTUAL;
UPDATE workflow_status SET delayed = 1 WHERE status = 'ENQUEUED' AND not_before IS NOT NULL;

DROP INDEX workflow_status_claim;
CREATE INDEX workflow_status_claim ON workflow_status (namespace, app, in_queue, route, in_partition, rank)
    WHERE status = 'ENQUEUED' AND delayed = 0;
DROP INDEX workflow_status_later;
CREATE INDEX workflow_status_later ON workflow_status (not_before) WHERE status = 'ENQUEUED' AND delayed = 1;
-- What has run before and goes on: no rate holds it, and it must be found behind what a rate does hold.
CREATE INDEX workflow_status_resumed ON workflow_status (namespace, app, in_queue, route, rank)
    WHERE status = 'ENQUEUED' AND delayed = 0 AND queue IS NOT NULL AND started_at IS NOT NULL;
CREATE INDEX workflow_status_running ON workflow_status (namespace, queue, partition_key, owner)
    WHERE status = 'PENDING' AND queue IS NOT NULL;
-- What has begun, has not ended and is not owned: parked, to go on, or stopped. In some queues it keeps its place.
CREATE INDEX workflow_status_kept ON workflow_status (namespace, queue, partition_key)
    WHERE queue IS NOT NULL AND started_at IS NOT NULL AND owner IS NULL AND completed_at IS NULL;
CREATE INDEX workflow_status_queued ON workflow_status (namespace, queue, created_at)
    WHERE status = 'ENQUEUED' AND queue IS NOT NULL;
CREATE UNIQUE INDEX workflow_status_dedup ON workflow_status (namespace, in_queue, dedup_key)
    WHERE dedup_key IS NOT NULL AND current = 1 AND completed_at IS NULL;
CREATE INDEX workflow_status_expiry ON workflow_status (expires_at)
    WHERE expires_at IS NOT NULL AND status = 'ENQUEUED' AND started_at IS NULL;

DROP TABLE queues;
CREATE TABLE queues (
    namespace             TEXT NOT NULL,
    name                  TEXT NOT NULL,
    concurrency           INTEGER CHECK (concurrency > 0),
    worker_concurrency    INTEGER CHECK (worker_concurrency > 0),
    rate_limit            INTEGER CHECK (rate_limit > 0),
    rate_period           REAL CHECK (rate_period > 0),
    partition_concurrency INTEGER CHECK (partition_concurrency > 0),
    partition_rate_limit  INTEGER CHECK (partition_rate_limit > 0),
    partition_rate_period REAL CHECK (partition_rate_period > 0),
    fair                  INTEGER NOT NULL DEFAULT 1 CHECK (fair IN (0, 1)),
    paused                INTEGER NOT NULL DEFAULT 0 CHECK (paused IN (0, 1)),
    keep_place            INTEGER NOT NULL DEFAULT 0 CHECK (keep_place IN (0, 1)),
    declared              TEXT,  -- what code has declared last, JSON
    turn                  TEXT,  -- the partition that was served last
    served_at             REAL,
    created_at            REAL NOT NULL,
    updated_at            REAL NOT NULL,
    PRIMARY KEY (namespace, name),
    CHECK ((rate_limit IS NULL) = (rate_period IS NULL)),
    CHECK ((partition_rate_limit IS NULL) = (partition_rate_period IS NULL))
) STRICT, WITHOUT ROWID;

-- Starts of the last period of a rate, of the queue (partition '') or of a partition: at most some 130 rows of each.
CREATE TABLE queue_starts (
    namespace     TEXT NOT NULL,
    queue         TEXT NOT NULL,
    partition_key TEXT NOT NULL,
    first_at      REAL NOT NULL,
    last_at       REAL NOT NULL,
    starts        INTEGER NOT NULL,
    keep_until    REAL NOT NULL,  -- the period of its rate is over then
    PRIMARY KEY (namespace, queue, partition_key, first_at)
) STRICT;
CREATE INDEX queue_starts_old ON queue_starts (keep_until);
