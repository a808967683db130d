-- Set a run's searchable attributes. Called by starts and update_attributes. Index: primary key.
INSERT INTO workflow_attributes (run_id, attributes) VALUES (?, ?)
ON CONFLICT (run_id) DO UPDATE SET attributes = excluded.attributes
