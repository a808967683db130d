-- What a start met: for each, the row with its run_id, or else the current child of its gate, or else the current run
-- with its workflow_id (not one that has ended, if the start replaces such: $9), or else the one that has its dedup
-- key and has not ended, or else that of the id after all. `met` says which: 'self', 'gate',
-- 'id', 'dedup', or null for none.
-- Called by: start, commit's careful form. Index: primary key, workflow_status_gate, workflow_status_id,
-- workflow_status_dedup. Locks: nothing.
select u.ordinal, case when own.run_id is not null then 'self' when gate.run_id is not null then 'gate'
                       when same.run_id is not null then 'dedup'
                       when named.run_id is not null then 'id' end as met,
       s.run_id, s.workflow_id, s.name, s.input_digest, s.status,
       extract(epoch from s.deadline)::double precision as deadline, s.epoch
from unnest($2::uuid[], $3::text[], $4::uuid[], $5::text[], $6::integer[], $7::text[], $8::text[],
            $9::boolean[])
     with ordinality as u (run_id, workflow_id, parent_run_id, parent_branch, parent_seq, queue, dedup_key, replaces, ordinal)
left join lateral (
    select w.run_id from stepwell.workflow_status w where w.run_id = u.run_id
) own on true
left join lateral (
    select w.run_id from stepwell.workflow_status w
    where w.parent_run_id = u.parent_run_id and w.parent_branch = u.parent_branch and w.parent_seq = u.parent_seq
      and w.current and w.parent_run_id is not null
    limit 1
) gate on own.run_id is null
left join lateral (
    select w.run_id, w.completed_at is not null as ended from stepwell.workflow_status w
    where w.namespace = $1::text and w.workflow_id = u.workflow_id and w.current
    limit 1
) named on own.run_id is null and gate.run_id is null
left join lateral (
    select w.run_id from stepwell.workflow_status w
    where w.namespace = $1::text and w.queue = coalesce(u.queue, '') and w.dedup_key = u.dedup_key
      and w.dedup_key is not null and w.current and w.completed_at is null
    limit 1
) same on own.run_id is null and gate.run_id is null and (named.run_id is null or (u.replaces and named.ended))
left join stepwell.workflow_status s on s.run_id = coalesce(own.run_id, gate.run_id, same.run_id, named.run_id)
