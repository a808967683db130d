-- finishes/finish_one for many runs.
-- Called by: commit, after the checkpoints in the same transaction. Index: primary key.
-- Locks: the runs FOR NO KEY UPDATE, in the order of the arrays (sorted by run_id).
select r.run_id
from stepwell.finish_runs($1::uuid[], $2::integer[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[],
                          $8::uuid[]) as r (run_id)
