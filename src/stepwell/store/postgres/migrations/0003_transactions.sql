-- kind: pre
-- The fenced checkpoint of a user's transaction, in that transaction and right before its COMMIT, which follows in the
-- same round trip: so whatever must keep it from committing is raised. SW001: this is not the transaction that was
-- marked. SW002: the run is another epoch's by now, or has this checkpoint already.
-- A function, because the session keeps its plans, also behind a pooler: planning costs more than all the rest of it.
-- It acts with its caller's rights.

create function stepwell.record_transaction(document json) returns void language plpgsql volatile
set search_path = pg_catalog, pg_temp as $$
begin
    if current_setting('stepwell_transaction.token', true) is distinct from (document ->> 'token') then
        raise exception using errcode = 'SW001', message = 'the transaction of the engine has been ended';
    end if;
    insert into stepwell.operation_outputs
        (run_id, epoch, branch, seq, name, kind, ended, output, error, fingerprint, pos, elapsed, attempts, codec_id)
    select d.run_id, d.epoch, d.branch, d.seq, d.name, d.kind, d.ended, d.output, d.error, d.fingerprint, d.pos,
           d.elapsed, d.attempts, d.codec_id
    from json_to_record(document)
         as d (run_id uuid, epoch integer, branch text, seq integer, name text, kind text, ended text, output text,
               error text, fingerprint bigint, pos integer, elapsed real, attempts smallint, codec_id text)
    where (select true
           from stepwell.workflow_status s
           where s.run_id = d.run_id and s.epoch = d.epoch and s.status = 'PENDING'
           for share)
    on conflict do nothing;
    if not found then
        raise exception using errcode = 'SW002', message = 'no checkpoint was written';
    end if;
end $$;

revoke all on function stepwell.record_transaction(json) from public;
