-- Moves a wait for events up: those below do not concern it. Called by advance_event_waits. Index: primary key.
UPDATE waits SET position = :position
WHERE run_id = :run_id AND branch = :branch AND seq = :seq AND +kind = 'published' AND position < :position
