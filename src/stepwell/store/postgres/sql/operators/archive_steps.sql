-- Takes a run's outcomes from a position on out of the way, and frees the gates of the children started there.
-- Called by: resume, rewind, in their transaction. Index: primary keys, workflow_status_gate.
-- Locks: those outcomes, those children.
with gone as (
    delete from stepwell.operation_outputs o
    where o.run_id = $1::uuid and o.pos >= $2::integer
    returning o.*
), freed as (
    update stepwell.workflow_status c
    set current = false
    where c.parent_run_id = $1::uuid and c.current
      and exists (select from gone g where g.branch = c.parent_branch and g.seq = c.parent_seq)
)
insert into stepwell.archived_outcomes (run_id, epoch, what, branch, seq, body)
select g.run_id, $3::integer, 'step', g.branch, g.seq, row_to_json(g)::text
from gone g
