-- Remember that a migration was applied, in its own transaction. Called by migrate.
INSERT INTO migrations (number, name, kind, applied_at) VALUES (?, ?, ?, stepwell_clock())
