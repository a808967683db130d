-- Appends to streams, for executions that own their runs: the next numbers, each place once, nothing after a closing
-- entry. Returns the ordinals of entries that found their stream closed.
-- Called by: publish, after publications/fence in the same transaction.
-- Index: primary keys of workflow_status, publications, streams. Locks: the new rows, in the order of run_id; a
-- number or place that an older attempt has taken meanwhile refuses the statement (23505), and it is sent again.
-- A number is always one more than the greatest committed, or of this transaction: so readers never see a gap.
with wanted as materialized (
    select u.*, row_number() over (partition by u.run_id, u.branch, u.seq, u.key order by u.ordinal) as attempt
    from unnest($1::uuid[], $2::integer[], $3::text[], $4::integer[], $5::text[], $6::text[], $7::text[])
         with ordinality as u (run_id, epoch, branch, seq, key, value, codec_id, ordinal)
    where (select true from stepwell.workflow_status s
           where s.run_id = u.run_id and s.epoch = u.epoch and s.status = 'PENDING')
), fresh as materialized (
    select w.*
    from wanted w
    where w.seq is null
       or (w.attempt = 1
           and (select true from stepwell.publications p
                where p.run_id = w.run_id and p.branch = w.branch and p.seq = w.seq and p.kind = 'stream'
                  and p.key = w.key) is null)
), head as materialized (
    select k.run_id, k.key, l.number, l.closed
    from (select distinct f.run_id, f.key from fresh f) k
    left join lateral (
        select s.number, s.closed
        from stepwell.streams s
        where s.run_id = k.run_id and s.key = k.key
        order by s.number desc
        limit 1
    ) l on true
), numbered as materialized (
    select f.*, coalesce(h.number, -1) + row_number() over in_stream as number,
           coalesce(h.closed, false)
               or coalesce(bool_or(f.value is null) over (in_stream rows between unbounded preceding and 1 preceding),
                           false) as closed
    from fresh f join head h using (run_id, key)
    window in_stream as (partition by f.run_id, f.key order by f.ordinal)
), written as (
    insert into stepwell.streams (run_id, key, number, value, codec_id, closed)
    select n.run_id, n.key, n.number, n.value, n.codec_id, n.value is null
    from numbered n
    where not n.closed
    order by n.run_id, n.key, n.number
), noted as (
    insert into stepwell.publications (run_id, branch, seq, kind, key)
    select n.run_id, n.branch, n.seq, 'stream', n.key
    from numbered n
    where not n.closed and n.seq is not null
)
select n.ordinal from numbered n where n.closed
