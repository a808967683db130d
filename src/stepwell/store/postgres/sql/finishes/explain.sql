-- Says for every finish of a batch how its run stands and whether that very outcome is stored.
-- Called by: commit's careful form, in the transaction of finishes/finish_carefully, with a newer snapshot.
-- Index: primary key. Locks: nothing.
select u.ordinal, s.run_id is not null and s.epoch = u.epoch as same_epoch, coalesce(s.status, '') as status,
       coalesce(s.status = u.status and s.output is not distinct from u.output and s.error is not distinct from u.error,
                false) as same, s.cancel_reason
from unnest($1::uuid[], $2::integer[], $3::text[], $4::text[], $5::text[])
     with ordinality as u (run_id, epoch, status, output, error, ordinal)
left join stepwell.workflow_status s on s.run_id = u.run_id
