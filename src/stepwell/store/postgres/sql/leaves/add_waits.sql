-- Writes the waits of runs that leaves/leave has just parked.
-- Called by: leave, in the same transaction. Index: primary keys of workflow_status and waits.
-- Locks: the new rows.
insert into stepwell.waits (run_id, branch, seq, kind, wake_at, target_run, topic, key, number,
                            position, filter)
select u.run_id, u.branch, u.seq, u.kind, to_timestamp(u.wake_at), u.target_run, u.topic, u.key, u.number,
       u.position, u.filter
from unnest($1::uuid[], $2::integer[], $3::text[], $4::integer[], $5::text[], $6::double precision[], $7::uuid[],
            $8::text[], $9::text[], $10::integer[], $11::bigint[], $12::text[])
     as u (run_id, epoch, branch, seq, kind, wake_at, target_run, topic, key, number, position, filter)
where (select true from stepwell.workflow_status s
       where s.run_id = u.run_id and s.epoch = u.epoch and s.status = 'WAITING')
on conflict (run_id, branch, seq) do update
set kind = excluded.kind, wake_at = excluded.wake_at, target_run = excluded.target_run, topic = excluded.topic,
    key = excluded.key, number = excluded.number, position = excluded.position, filter = excluded.filter
