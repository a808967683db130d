-- Inserts one run, by a function whose plan is kept; a row with its deadline (infinity: none) if it was inserted. See
-- 0007_commits.sql. Called by: start, commit, before the checkpoints in the same transaction.
-- Index: the unique ones of workflow_status. Locks: the new row; waits for another open transaction that inserts the same
-- id, at most for lock_timeout.
select s.deadline
from (select stepwell.start_run($1::boolean, $2::text[], $3::uuid, $4::double precision, $5::double precision,
                                $6::double precision, $7::double precision, $8::double precision) as deadline
      offset 0) s  -- the offset keeps the call from being made twice
where s.deadline is not null
