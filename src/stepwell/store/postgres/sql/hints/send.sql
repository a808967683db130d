-- Tells whoever listens that there is something to look at. Nothing is lost if the server forgets it in a crash, so its
-- commit waits for no disk.
-- Called by: the notifier, at most every 10 ms. Index: none. Locks: nothing of ours; at its commit, other notifications.
select set_config('synchronous_commit', 'off', true), pg_notify($1::text, $2::text)
