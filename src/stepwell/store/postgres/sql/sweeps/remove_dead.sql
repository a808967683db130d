-- Removes dead executors that own nothing any more.
-- Called by: reap, last in the same transaction. Index: executors_pkey, workflow_status_owner. Locks: those rows.
delete from stepwell.executors
where ctid = any (array(
    select e.ctid
    from unnest($1::uuid[], $2::bigint[]) as u (incarnation, beat)
    join stepwell.executors e on e.incarnation = u.incarnation and e.beat = u.beat
    where e.lease_until <= (select stepwell.clock())
      and not exists (select from stepwell.workflow_status s where s.owner = e.incarnation)
    for update of e skip locked))
