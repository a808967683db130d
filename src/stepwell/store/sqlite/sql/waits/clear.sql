-- A run waits no longer. Called by everything that takes a run out of WAITING. Index: primary key.
DELETE FROM waits WHERE run_id = ?
