-- Remove the outcomes from a pos on. Called by resume and rewind, after steps/archive. Index: primary key.
DELETE FROM operation_outputs WHERE run_id = :run_id AND pos >= :pos
