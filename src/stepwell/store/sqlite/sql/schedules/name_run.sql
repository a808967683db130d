-- Which run the last tick has. Called by fire, last. Index: primary key.
UPDATE schedules SET last_run = :run_id WHERE namespace = :namespace AND name = :name
