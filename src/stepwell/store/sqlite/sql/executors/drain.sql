-- Say that this process takes no more work. Called by shutdown. Index: primary key.
UPDATE executors SET draining = 1 WHERE incarnation = ?
