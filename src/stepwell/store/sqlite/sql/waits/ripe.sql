-- Whether one parked run may go on: see waits/satisfied. Called by wake_parked, send. Index: primary keys, messages_waiting,
-- published_events_order.
SELECT 1 FROM workflow_status r
WHERE r.run_id = :run_id AND r.status = 'WAITING'
  AND (r.cancel_reason IS NOT NULL
       OR EXISTS (
           SELECT 1 FROM waits w
           WHERE w.run_id = :run_id
             AND (w.wake_at IS NOT NULL AND w.wake_at <= (SELECT stepwell_clock())
                  OR w.target_run IS NOT NULL
                     AND NOT EXISTS (SELECT 1 FROM workflow_status t
                                     WHERE t.run_id = w.target_run AND t.completed_at IS NULL)
                  OR CASE w.kind
                         WHEN 'message' THEN EXISTS (SELECT 1 FROM messages m
                                                     WHERE m.run_id = w.run_id AND m.topic = w.topic AND m.consumed_seq IS NULL)
                         WHEN 'event' THEN EXISTS (SELECT 1 FROM events e WHERE e.run_id = w.target_run AND e.key = w.key)
                         WHEN 'stream' THEN EXISTS (SELECT 1 FROM streams s
                                                    WHERE s.run_id = w.target_run AND s.key = w.key AND s.number = w.number)
                         WHEN 'published' THEN EXISTS (SELECT 1 FROM published_events p
                                                       WHERE p.namespace = r.namespace AND p.event = w.key AND p.number > w.position)
                     END)))
