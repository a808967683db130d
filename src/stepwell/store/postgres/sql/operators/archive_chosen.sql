-- Takes chosen outcomes of a run out of the way; where the flag says so, the gate of the child started there is freed.
-- What they had received and published: see operators/archive_steps.
-- Called by: resume_failed, in its transaction. Index: primary keys, workflow_status_gate.
-- Locks: those outcomes, those children, those messages.
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
), returned as (
    update stepwell.messages m
    set consumed_branch = null, consumed_seq = null, consumed_epoch = null
    from chosen u
    where m.run_id = $1::uuid and m.consumed_branch = u.branch and m.consumed_seq = u.seq
), forgotten as (
    delete from stepwell.publications p
    using chosen u
    where p.run_id = $1::uuid and p.branch = u.branch and p.seq = u.seq
)
insert into stepwell.archived_outcomes (run_id, epoch, what, branch, seq, body)
select g.run_id, $5::integer, 'step', g.branch, g.seq, row_to_json(g)::text
from gone g
