-- Tells whoever listens that a run was enqueued, when the caller's transaction is committed.
-- Called by: start with conn=. Index: none. Locks: nothing of ours; at its commit, other notifications.
select pg_notify(d.channel, d.payload) from json_to_record($1::text::json) as d (channel text, payload text)
