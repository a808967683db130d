-- The table that says what was applied. Called by the first migrate.
CREATE TABLE IF NOT EXISTS migrations (
    number     INTEGER NOT NULL PRIMARY KEY,
    name       TEXT NOT NULL,
    kind       TEXT NOT NULL CHECK (kind IN ('pre', 'post')),
    applied_at REAL NOT NULL
) STRICT
