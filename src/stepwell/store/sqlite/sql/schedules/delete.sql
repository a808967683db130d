-- Removes a schedule; its runs stay. Called by delete_schedule. Index: primary key.
DELETE FROM schedules WHERE namespace = :namespace AND name = :name
