-- What was applied, and when. Called by migrate and migrations. A handful of rows.
SELECT number, applied_at FROM migrations
