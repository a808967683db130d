-- Give a forked run the events whose last writer it has a copy of. Called by fork. Index: primary keys.
INSERT INTO events (run_id, key, value, format, codec_id, branch, seq, set_at)
SELECT :into, e.key, e.value, e.format, e.codec_id, e.branch, e.seq, e.set_at
FROM events e JOIN operation_outputs o ON o.run_id = e.run_id AND o.branch = e.branch AND o.seq = e.seq
WHERE e.run_id = :run_id AND o.pos < :pos
