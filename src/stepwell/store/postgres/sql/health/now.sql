-- The database's clock.
-- Called by: now. Index: none. Locks: nothing.
select extract(epoch from stepwell.clock())::double precision
