-- Sets events, of executions that own their runs, each place once; of several of one key the last stays.
-- Called by: publish, after publications/fence in the same transaction.
-- Index: primary keys of workflow_status, publications, events. Locks: the new places, waiting for an older attempt
-- that is still under way; then the events' rows. In the order of the arrays (sorted by run_id).
with wanted as materialized (
    select u.*
    from unnest($1::uuid[], $2::integer[], $3::text[], $4::integer[], $5::text[], $6::text[], $7::text[])
         with ordinality as u (run_id, epoch, branch, seq, key, value, codec_id, ordinal)
    where (select true from stepwell.workflow_status s
           where s.run_id = u.run_id and s.epoch = u.epoch and s.status = 'PENDING')
), fresh as (
    insert into stepwell.publications (run_id, branch, seq, kind, key)
    select w.run_id, w.branch, w.seq, 'event', w.key from wanted w order by w.ordinal
    on conflict do nothing
    returning run_id, branch, seq, key
), latest as (
    select distinct on (w.run_id, w.key) w.*
    from (select distinct on (n.run_id, n.branch, n.seq, n.key) n.*
          from wanted n join fresh f using (run_id, branch, seq, key)
          order by n.run_id, n.branch, n.seq, n.key, n.ordinal) w
    order by w.run_id, w.key, w.ordinal desc
)
insert into stepwell.events (run_id, branch, seq, key, value, codec_id)
select l.run_id, l.branch, l.seq, l.key, l.value, l.codec_id from latest l
on conflict (run_id, key) do update
set branch = excluded.branch, seq = excluded.seq, value = excluded.value, codec_id = excluded.codec_id,
    set_at = excluded.set_at
