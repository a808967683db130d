-- Write down that something has begun, under a fence read in this transaction. Called by the group commit.
-- A wait that is there stays. An attempt overwrites all but itself; at_most_once only a failed attempt, or its
-- own earlier one. Nothing begins any more whose outcome is recorded (an older attempt of the same batch may arrive
-- late). No row back: what is there stayed, and the caller compares. Index: primary keys of both tables.
INSERT INTO operation_intents AS there (run_id, branch, seq, name, kind, epoch, attempt, due, error, started_at)
SELECT :run_id, :branch, :seq, :name, :kind, :epoch, :attempt, coalesce(:due, stepwell_clock() + :delay), :error,
       stepwell_clock()
WHERE NOT EXISTS (SELECT 1 FROM operation_outputs WHERE run_id = :run_id AND branch = :branch AND seq = :seq)
ON CONFLICT (run_id, branch, seq) DO UPDATE
SET name = excluded.name, kind = excluded.kind, epoch = excluded.epoch, attempt = excluded.attempt,
    due = excluded.due, error = excluded.error, started_at = excluded.started_at
WHERE excluded.kind = 'attempt'
          AND (there.kind, there.epoch, there.attempt, there.error)
              IS NOT (excluded.kind, excluded.epoch, excluded.attempt, excluded.error)
   OR excluded.kind = 'once'
          AND (there.kind = 'attempt' OR there.epoch = excluded.epoch AND there.attempt < excluded.attempt)
RETURNING due, stepwell_clock()
