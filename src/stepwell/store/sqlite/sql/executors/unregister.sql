-- This process has gone in good order. Called by shutdown, last. Index: primary key.
DELETE FROM executors WHERE incarnation = ?
