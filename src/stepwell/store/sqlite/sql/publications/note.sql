-- Remember that a place publishes a key; no row touched: it has done so before. Called by publish. Index: primary key.
INSERT INTO publications (run_id, branch, seq, kind, key) VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING
