-- Runs to wake: a wait is due, its fact is there, its target has ended or is gone, or a cancellation waits for
-- delivery. Called by wake. Indexes: waits_due, waits_target with the primary key, messages_waiting, primary keys of
-- events and streams, published_events_order (waits with a filter are looked at by event_waits_behind),
-- workflow_status_cancel.
SELECT run_id FROM waits WHERE wake_at IS NOT NULL AND wake_at <= (SELECT stepwell_clock())
UNION
SELECT w.run_id FROM waits w
WHERE w.target_run IS NOT NULL
  AND NOT EXISTS (SELECT 1 FROM workflow_status t WHERE t.run_id = w.target_run AND t.completed_at IS NULL)
UNION
SELECT w.run_id FROM waits w
WHERE CASE w.kind
          WHEN 'message' THEN EXISTS (SELECT 1 FROM messages m
                                      WHERE m.run_id = w.run_id AND m.topic = w.topic AND m.consumed_seq IS NULL)
          WHEN 'event' THEN EXISTS (SELECT 1 FROM events e WHERE e.run_id = w.target_run AND e.key = w.key)
          WHEN 'stream' THEN EXISTS (SELECT 1 FROM streams s
                                     WHERE s.run_id = w.target_run AND s.key = w.key AND s.number = w.number)
          WHEN 'published' THEN w.filter IS NULL AND EXISTS (
              SELECT 1 FROM published_events p
              WHERE p.namespace = (SELECT r.namespace FROM workflow_status r WHERE r.run_id = w.run_id)
                AND p.event = w.key AND p.number > w.position)
      END
UNION
SELECT run_id FROM workflow_status WHERE status = 'WAITING' AND cancel_reason IS NOT NULL AND completed_at IS NULL
LIMIT :limit
