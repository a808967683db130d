-- Keeps a secret unless there is one of that name; returns the one that is kept. Called by secret. Index: primary key.
INSERT INTO secrets (namespace, name, value, created_at) VALUES (?, ?, ?, ?)
ON CONFLICT (namespace, name) DO UPDATE SET value = value
RETURNING value
