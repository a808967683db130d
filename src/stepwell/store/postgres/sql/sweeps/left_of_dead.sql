-- How many runs the dead executors still own.
-- Called by: reap, after sweeps/reap in the same transaction. Index: workflow_status_owner. Locks: nothing.
select count(*)
from stepwell.workflow_status s
where s.owner = any (array(
    select e.incarnation
    from unnest($1::uuid[], $2::bigint[]) as u (incarnation, beat)
    join stepwell.executors e on e.incarnation = u.incarnation and e.beat = u.beat
    where e.lease_until <= (select stepwell.clock())))
