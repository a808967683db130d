-- Moves a schedule along its timetable, if nobody has changed or fired it meanwhile. Called by fire, first.
-- Index: primary key.
UPDATE schedules
SET next_fire = :next_fire, last_fire = coalesce(:fired, last_fire), last_skipped = coalesce(:skipped, last_skipped),
    revision = revision + 1, updated_at = stepwell_clock()
WHERE namespace = :namespace AND name = :name AND revision = :revision
RETURNING app
