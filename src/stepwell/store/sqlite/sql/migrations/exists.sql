-- Whether this file has a table of migrations at all. Called by migrate and migrations.
SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'migrations'
