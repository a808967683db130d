-- The row lease of a job that one process at a time does; its holder prolongs it. A row back: it is ours.
-- Called by the sweeper and the janitor. Index: primary key.
INSERT INTO leases (name, holder, until) VALUES (:name, :holder, stepwell_clock() + :ttl)
ON CONFLICT (name) DO UPDATE SET holder = excluded.holder, until = excluded.until
WHERE holder = excluded.holder OR until <= stepwell_clock()
RETURNING name
