-- When the next schedule of an app will be due that is not yet. Called by due_schedules. Index: schedules_due.
SELECT min(s.next_fire)
FROM schedules s
WHERE s.namespace = :namespace AND s.app = :app AND s.paused = 0 AND s.next_fire > (SELECT stepwell_clock())
