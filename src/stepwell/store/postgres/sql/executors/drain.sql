-- Marks this process as draining.
-- Called by: set_draining. Index: primary key. Locks: that row.
update stepwell.executors set draining = true where incarnation = $1::uuid
