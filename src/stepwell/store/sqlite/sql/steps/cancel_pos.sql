-- Where the delivery of a cancellation is recorded, NULL if it is not. Called by resume, rewind and fork.
-- Index: primary key.
SELECT min(pos) FROM operation_outputs WHERE run_id = ? AND kind = 'cancel'
