-- A row for a queue that nobody has declared and that has partitions: it keeps their turn. Called by claim.
-- Index: primary key.
INSERT INTO queues (namespace, name, created_at, updated_at)
VALUES (:namespace, :queue, stepwell_clock(), stepwell_clock())
ON CONFLICT DO NOTHING
