-- checkpoints/record_many for a batch of one outcome, by a function whose plan is kept (a third of the time); a row if it was
-- recorded. See 0007_commits.sql.
-- Called by: commit. Index: primary keys of workflow_status (the fence) and operation_outputs.
-- Locks: the run FOR SHARE; never a run of another epoch.
select s.recorded
from (select stepwell.record_outcome($1::uuid, $2::integer, $3::integer, $4::bigint, $5::integer, $6::real, $7::smallint,
                                     $8::uuid, $9::uuid[], $10::text[]) as recorded
      offset 0) s  -- the offset keeps the call from being made twice
where s.recorded
