-- Say that this process takes no more work. Called at shutdown. Index: primary key.
UPDATE executors SET draining = 1 WHERE incarnation = ?
