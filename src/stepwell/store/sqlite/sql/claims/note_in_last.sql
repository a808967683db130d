-- Adds starts to the last bucket of a rate if that is young enough. Called by claim. Index: primary key.
UPDATE queue_starts
SET starts = starts + :number, last_at = max(last_at, :now), keep_until = max(last_at, :now) + :period
WHERE namespace = :namespace AND queue = :queue AND partition_key = :partition
  AND first_at = (SELECT max(first_at) FROM queue_starts
                  WHERE namespace = :namespace AND queue = :queue AND partition_key = :partition)
  AND (first_at >= :now OR first_at + :grain > :now)
