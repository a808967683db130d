-- Removes buckets of any rate whose period is over. Called by claim whenever it has noted starts, so that there are never
-- many. Index: queue_starts_old.
DELETE FROM queue_starts WHERE rowid IN (
    SELECT rowid FROM queue_starts INDEXED BY queue_starts_old WHERE keep_until <= ? ORDER BY keep_until LIMIT ?)
