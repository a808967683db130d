-- Remembers which partition of a queue was served last. Called by claim. Index: primary key.
UPDATE queues SET turn = :turn, served_at = :now WHERE namespace = :namespace AND name = :queue
