-- Removes this process's row.
-- Called by: unregister. Index: primary key. Locks: that row.
delete from stepwell.executors where incarnation = $1::uuid
