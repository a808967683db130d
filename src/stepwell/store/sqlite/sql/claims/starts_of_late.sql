-- How many starts a rate's last period has had, and when the earliest of them leaves it.
-- Called by claim, standing_in_queue. Index: primary key; some 130 rows at most.
SELECT coalesce(sum(starts), 0), min(last_at + :period) FROM queue_starts
WHERE namespace = :namespace AND queue = :queue AND partition_key = :partition AND last_at + :period > :now
