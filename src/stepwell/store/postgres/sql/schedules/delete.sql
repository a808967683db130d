-- Removes a schedule; its runs stay.
-- Called by: delete_schedule. Index: primary key. Locks: that row.
delete from stepwell.schedules where namespace = $1::text and name = $2::text
