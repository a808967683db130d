-- Forget what a run had begun. Called by rewind: what follows is done anew; and by the group commit with an outcome.
-- Index: primary key.
DELETE FROM operation_intents WHERE run_id = ?
