-- Records the outcomes of one batch, by a function whose plan is kept: the fast form, the verdict is a row
-- if all were recorded. An isolation other than READ COMMITTED writes nothing at all. See 0007_commits.sql.
-- Called by: commit. Index: primary keys of workflow_status (the fence) and operation_outputs.
-- Locks: the runs FOR SHARE, in the order of the arrays (sorted by run_id); never a run of another epoch.
select s.recorded
from (select stepwell.record_outcomes(
          $1::uuid[], $2::integer[], $3::text[], $4::integer[], $5::text[], $6::text[], $7::text[], $8::text[], $9::text[],
          $10::bigint[], $11::integer[], $12::real[], $13::smallint[], $14::uuid[], $15::text[], $16::uuid[]) as recorded
      offset 0) s
where s.recorded = cardinality($1)
