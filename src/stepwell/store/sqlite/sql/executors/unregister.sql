-- This process has gone in good order. Called last at shutdown. Index: primary key.
DELETE FROM executors WHERE incarnation = ?
