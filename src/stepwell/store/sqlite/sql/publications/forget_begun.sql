-- Let the places publish again that have no outcome: they are executed anew. Called by rewind. Index: primary keys.
DELETE FROM publications
WHERE run_id = :run_id
  AND NOT EXISTS (SELECT 1 FROM operation_outputs o
                  WHERE o.run_id = :run_id AND o.branch = publications.branch AND o.seq = publications.seq)
