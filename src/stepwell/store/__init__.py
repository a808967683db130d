"""The only place that knows SQL: `api` is the seam, `postgres/` and `sqlite/` are siblings behind it."""
