-- Set a run aside that cannot go on with this code, and remember which code that was. Called by leave.
-- Index: primary key.
UPDATE workflow_status
SET status = 'BLOCKED', reason = :reason, owner = NULL,
    tried_hints = CASE WHEN :hint IS NULL THEN tried_hints
                       ELSE json_insert(coalesce(tried_hints, '[]'), '$[#]', :hint) END
WHERE run_id = :run_id AND epoch = :epoch AND status = 'PENDING'
