-- Forget what a run had begun. Called by rewind: what follows is done anew. Index: primary key.
DELETE FROM operation_intents WHERE run_id = ?
