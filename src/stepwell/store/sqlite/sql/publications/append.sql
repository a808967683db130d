-- The next entry of a stream, under a fence read in this transaction; a NULL value closes it. Called by publish.
-- Index: primary key.
INSERT INTO streams (run_id, key, number, value, codec_id, closed, written_at)
VALUES (:run_id, :key, :number, :value, :codec_id, :value IS NULL, stepwell_clock())
