-- Starts at an instant of their own. Called by claim, after claims/note_in_last has found no bucket.
INSERT INTO queue_starts (namespace, queue, partition_key, first_at, last_at, starts, keep_until)
VALUES (:namespace, :queue, :partition, :now, :now, :number, :now + :period)
