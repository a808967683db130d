-- Writes the outcome of one run, under its fence, by a function whose plan is kept; returns it. See 0007_commits.sql.
-- Called by: commit, after the checkpoints in the same transaction. Index: primary key.
-- Locks: the run FOR NO KEY UPDATE.
select s.run_id
from (select stepwell.finish_run($1::uuid, $2::integer, $3::uuid[], $4::text[]) as run_id
      offset 0) s  -- the offset keeps the call from being made twice
where s.run_id is not null
