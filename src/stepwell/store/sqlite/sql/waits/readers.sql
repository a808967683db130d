-- Runs that wait for an event or an entry of a run that is there now. Called by publish. Index: waits_target.
SELECT DISTINCT w.run_id FROM waits w
WHERE w.target_run = :target AND w.key = :key
  AND CASE w.kind
          WHEN 'event' THEN EXISTS (SELECT 1 FROM events e WHERE e.run_id = :target AND e.key = :key)
          WHEN 'stream' THEN EXISTS (SELECT 1 FROM streams s
                                     WHERE s.run_id = :target AND s.key = :key AND s.number = w.number)
      END
