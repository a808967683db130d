-- Whether this process is registered in this file: then it is its engine's own. Called by: @transaction, once per source.
-- Index: primary key.
SELECT 1 FROM executors WHERE incarnation = ?
