-- The number of the server process that answers: not the one that greeted us if a pooler stands between.
-- Called by: whoever is about to listen. Index: none. Locks: nothing.
select pg_backend_pid()
