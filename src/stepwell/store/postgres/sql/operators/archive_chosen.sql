-- Takes chosen outcomes of a run out of the way; where the flag says so, the gate of the child started there is freed.
-- Called by: resume_failed, in its transaction. Index: primary keys, workflow_status_gate.
-- Locks: those outcomes, those children.
with chosen as (
    select u.branch, u.seq, u.frees
    from unnest($2::text[], $3::integer[], $4::boolean[]) as u (branch, seq, frees)
), gone as (
    delete from stepwell.operation_outputs o
    using chosen u
    where o.run_id = $1::uuid and o.branch = u.branch and o.seq = u.seq
    returning o.*
), freed as (
    update stepwell.workflow_status c
    set current = false
    where c.parent_run_id = $1::uuid and c.parent_run_id is not null and c.current
      and exists (select from chosen u where u.frees and u.branch = c.parent_branch and u.seq = c.parent_seq)
)
insert into stepwell.archived_outcomes (run_id, epoch, what, branch, seq, body)
select g.run_id, $5::integer, 'step', g.branch, g.seq, row_to_json(g)::text
from gone g
