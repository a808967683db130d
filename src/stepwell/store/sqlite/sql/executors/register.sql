-- Make this process known, or change what it serves. Called by launch, and when definitions change.
-- Index: primary key.
INSERT INTO executors (incarnation, namespace, app, label, lease_until, serves, queues, started_at)
VALUES (:incarnation, :namespace, :app, :label, stepwell_clock() + :lease, :serves, :queues, stepwell_clock())
ON CONFLICT (incarnation) DO UPDATE
SET label = excluded.label, lease_until = excluded.lease_until, beat = beat + 1, serves = excluded.serves,
    queues = excluded.queues
