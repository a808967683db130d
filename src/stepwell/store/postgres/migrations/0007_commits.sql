-- kind: pre
-- What every step, end and start writes, as functions whose plans are kept: nothing is prepared in the session (poolers),
-- and to parse and plan such a statement costs the server as much as to execute it for several rows. Without sequential
-- scans: a plan that was made while a table had one page is kept while it grows.
-- Nothing is written if the isolation is not READ COMMITTED, in which none of it has been thought of.

-- Inserts a run; returns when its deadline is (seconds since 1970), infinity if it has none. If a run has its run_id, its
-- workflow_id, its gate or its dedup key: null, or, if `own` says that nobody else can know its ids, an error.
-- f: the texts among the columns as one array, because each parameter of a call costs its parsing.
create function stepwell.start_run(
    own boolean, f text[], of_owner uuid, delay double precision, due double precision, timeout double precision,
    ends double precision, expires double precision
) returns double precision language plpgsql volatile as $$
declare
    owned boolean := of_owner is not null;
    begins timestamptz := coalesce(to_timestamp(due), stepwell.clock() + make_interval(secs => delay));
    until timestamptz := least(to_timestamp(ends), stepwell.clock() + make_interval(secs => timeout));
    patience text;
begin
    if current_setting('transaction_isolation') <> 'read committed' then
        return null;
    end if;
    patience := set_config('lock_timeout', case when own then '250ms' else '3s' end, true);
    insert into stepwell.workflow_status
        (namespace, app, run_id, workflow_id, name, route, input, input_digest, version, instance, code_hint, codec_id,
         queue, priority, parent_run_id, parent_branch, parent_seq,
         parent_close, root_run_id, max_recoveries, partition_key, dedup_key, owner,
         status, epoch, attempts, started_at,
         not_before, delayed, deadline, expires_at)
    values
        (f[1], f[2], f[3]::uuid, f[4], f[5], f[6], f[7], f[8], f[9], f[10], f[11], f[12],
         coalesce(f[13], ''), coalesce(f[14]::integer, 0), f[15]::uuid, f[16], f[17]::integer,
         coalesce(f[18], 'cancel'), f[19]::uuid, f[20]::integer, f[21], f[22], of_owner,
         case when owned then 'PENDING' else 'ENQUEUED' end, owned::integer, owned::integer,
         case when owned then stepwell.clock() end,
         begins, not owned and coalesce(begins > stepwell.clock(), false), until,
         stepwell.clock() + make_interval(secs => expires))
    on conflict do nothing;
    if found then
        return coalesce(date_part('epoch', until), 'infinity');
    elsif own then
        raise exception using errcode = 'unique_violation', message = format('run %s is there already', f[3]);
    end if;
    return null;
end $$;

-- Records the outcome of one operation; whether it did. A pending cancellation that the caller does not know of (known)
-- counts as not written: the careful form then writes the row and reports it.
create function stepwell.record_outcome(
    run uuid, of_epoch integer, at_seq integer, mark bigint, at_pos integer, seconds real, tries smallint, child uuid,
    known uuid[], f text[]
) returns boolean language plpgsql volatile set enable_seqscan = off as $$
declare
    patience text;
begin
    if current_setting('transaction_isolation') <> 'read committed' then
        return false;
    end if;
    patience := set_config('lock_timeout', '250ms', true);
    insert into stepwell.operation_outputs
        (run_id, epoch, branch, seq, name, kind, ended, output, error, fingerprint, pos, elapsed, attempts, child_run,
         codec_id)
    select run, of_epoch, f[1], at_seq, f[2], f[3], f[4], f[5], f[6], mark, at_pos, seconds, tries, child, f[7]
    where (select s.cancel_reason is null or s.run_id = any (known)
           from stepwell.workflow_status s
           where s.run_id = run and s.epoch = of_epoch and s.status = 'PENDING'
           for share);
    return found;
end $$;

-- Writes the outcome of one run, under its fence; returns it. Refuses what the fence of the outcomes of its operations
-- refuses, so that a finish is never accepted without those of its batch.
create function stepwell.finish_run(run uuid, of_epoch integer, known uuid[], f text[]) returns uuid
language plpgsql volatile set enable_seqscan = off as $$
declare
    patience text;
begin
    if current_setting('transaction_isolation') <> 'read committed' then
        return null;
    end if;
    patience := set_config('lock_timeout', '250ms', true);
    update stepwell.workflow_status s
    set status = f[1], output = f[2], error = f[3], reason = f[4], output_codec_id = f[5], owner = null,
        completed_at = stepwell.clock()
    where s.run_id = run and s.epoch = of_epoch and s.status = 'PENDING'
      and (s.cancel_reason is null or s.run_id = any (known));
    return case when found then run end;
end $$;

-- The same for many; how many it wrote. Locks the runs in the order of the arrays.
create function stepwell.record_outcomes(
    runs uuid[], epochs integer[], branches text[], seqs integer[], names text[], kinds text[], endings text[],
    outputs text[], errors text[], marks bigint[], positions integer[], seconds real[], tries smallint[], children uuid[],
    codecs text[], known uuid[]
) returns bigint language plpgsql volatile set enable_seqscan = off as $$
declare
    patience text;
    written bigint;
begin
    if current_setting('transaction_isolation') <> 'read committed' then
        return 0;
    end if;
    patience := set_config('lock_timeout', '250ms', true);
    insert into stepwell.operation_outputs
        (run_id, epoch, branch, seq, name, kind, ended, output, error, fingerprint, pos, elapsed, attempts, child_run,
         codec_id)
    select u.run_id, u.epoch, u.branch, u.seq, u.name, u.kind, u.ended, u.output, u.error, u.fingerprint, u.pos, u.elapsed,
           coalesce(u.attempts, 1::smallint), u.child_run, u.codec_id
    from unnest(runs, epochs, branches, seqs, names, kinds, endings, outputs, errors, marks, positions, seconds, tries,
                children, codecs)
         as u (run_id, epoch, branch, seq, name, kind, ended, output, error, fingerprint, pos, elapsed, attempts, child_run,
               codec_id)
    where (select s.cancel_reason is null or s.run_id = any (known)
           from stepwell.workflow_status s
           where s.run_id = u.run_id and s.epoch = u.epoch and s.status = 'PENDING'
           for share);
    get diagnostics written = row_count;
    return written;
end $$;

-- The same as finish_run for many. Locks and writes the runs in the order of the arrays: there is no other plan than to go
-- through them.
create function stepwell.finish_runs(
    runs uuid[], epochs integer[], statuses text[], outputs text[], errors text[], reasons text[], codecs text[],
    known uuid[]
) returns setof uuid language plpgsql volatile
set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off set enable_sort = off as $$
declare
    patience text;
begin
    if current_setting('transaction_isolation') <> 'read committed' then
        return;
    end if;
    patience := set_config('lock_timeout', '250ms', true);
    return query
    update stepwell.workflow_status s
    set status = u.status, output = u.output, error = u.error, reason = u.reason, output_codec_id = u.codec_id, owner = null,
        completed_at = stepwell.clock()
    from unnest(runs, epochs, statuses, outputs, errors, reasons, codecs)
         as u (run_id, epoch, status, output, error, reason, codec_id)
    where s.run_id = u.run_id and s.epoch = u.epoch and s.status = 'PENDING'
      and (s.cancel_reason is null or s.run_id = any (known))
    returning s.run_id;
end $$;

revoke all on function
    stepwell.start_run(
        boolean, text[], uuid, double precision, double precision, double precision, double precision, double precision),
    stepwell.record_outcome(uuid, integer, integer, bigint, integer, real, smallint, uuid, uuid[], text[]),
    stepwell.finish_run(uuid, integer, uuid[], text[]),
    stepwell.record_outcomes(
        uuid[], integer[], text[], integer[], text[], text[], text[], text[], text[], bigint[], integer[], real[],
        smallint[], uuid[], text[], uuid[]),
    stepwell.finish_runs(uuid[], integer[], text[], text[], text[], text[], text[], uuid[]) from public;
