-- Takes a run's outcomes from a position on out of the way, frees the gates of the children started there, gives the
-- messages back that were received there, and lets those places publish again (what they have published stays).
-- Called by: resume, rewind, in their transaction. Index: primary keys, workflow_status_gate.
-- Locks: those outcomes, those children, those messages.
with gone as (
    delete from stepwell.operation_outputs o
    where o.run_id = $1::uuid and o.pos >= $2::integer
    returning o.*
), freed as (
    update stepwell.workflow_status c
    set current = false
    where c.parent_run_id = $1::uuid and c.current
      and exists (select from gone g where g.branch = c.parent_branch and g.seq = c.parent_seq)
), returned as (
    update stepwell.messages m
    set consumed_branch = null, consumed_seq = null, consumed_epoch = null
    from gone g
    where m.run_id = $1::uuid and m.consumed_branch = g.branch and m.consumed_seq = g.seq
), forgotten as (
    delete from stepwell.publications p
    using gone g
    where p.run_id = $1::uuid and p.branch = g.branch and p.seq = g.seq
)
insert into stepwell.archived_outcomes (run_id, epoch, what, branch, seq, body)
select g.run_id, $3::integer, 'step', g.branch, g.seq, row_to_json(g)::text
from gone g
