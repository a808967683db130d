-- Marks the messages that receives took, each only if its outcome is recorded by this execution. Safe to send again.
-- An upsert used as an update, so that no join is planned: WHERE lets only messages through that are there, and only
-- the run's owner takes them, so nothing is ever inserted.
-- Called by: commit, after the checkpoints in the same transaction, if some of them consume.
-- Index: primary keys of operation_outputs and messages: by key; messages_waiting would read the run's whole queue,
-- so its predicate is not said before the conflict. Locks: the messages' rows, of runs that are locked already.
insert into stepwell.messages as m (run_id, number, key, body, consumed_branch, consumed_seq, consumed_epoch)
overriding system value
select distinct on (u.run_id, u.key) u.run_id, 0, u.key, '', u.branch, u.seq, u.epoch
from unnest($1::uuid[], $2::integer[], $3::text[], $4::integer[], $5::text[]) as u (run_id, epoch, branch, seq, key)
where (select n.consumed_seq is null from stepwell.messages n where n.run_id = u.run_id and n.key = u.key)
  and (select true from stepwell.operation_outputs o
       where o.run_id = u.run_id and o.branch = u.branch and o.seq = u.seq and o.epoch = u.epoch)
order by u.run_id, u.key
on conflict (run_id, key) do update
set consumed_branch = excluded.consumed_branch, consumed_seq = excluded.consumed_seq,
    consumed_epoch = excluded.consumed_epoch
where m.consumed_seq is null
