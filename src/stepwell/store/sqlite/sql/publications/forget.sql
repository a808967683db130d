-- Let the places publish again whose outcomes are archived. Called by resume and rewind, before steps/clear.
-- Index: primary keys of both tables.
DELETE FROM publications
WHERE run_id = :run_id
  AND EXISTS (SELECT 1 FROM operation_outputs o
              WHERE o.run_id = :run_id AND o.branch = publications.branch AND o.seq = publications.seq
                AND o.pos >= :pos)
