-- kind: pre
-- What comes with a claimed run. Functions, because each of their statements has a snapshot of its own, younger than the
-- claim: a claim takes what was committed while it was under way (the limits need it), and the statement around it would
-- see of such a run what was there before, so not the last outcomes of who has just released it.

create function stepwell.attributes_of(run uuid) returns text language plpgsql volatile as $$
begin
    return (select a.attributes::text from stepwell.workflow_attributes a where a.run_id = run);
end $$;

-- [number of recorded outcomes, the first of them up to about so many bytes]
create function stepwell.history_of(run uuid, most_bytes bigint) returns text language plpgsql volatile as $$
begin
    return (
        select json_build_array(count(*), json_agg(
                   json_build_array(h.branch, h.seq, h.name, h.kind, h.ended, h.output, h.error, h.fingerprint, h.pos, h.epoch,
                                    h.attempts, h.child_run, h.codec_id,
                                    extract(epoch from h.completed_at)::double precision)
                   order by h.pos) filter (where coalesce(h.bytes_before, 0) < most_bytes))::text
        from (select o.*, sum(coalesce(octet_length(o.output), 0) + coalesce(octet_length(o.error), 0))
                              over (order by o.pos rows between unbounded preceding and 1 preceding) as bytes_before
              from stepwell.operation_outputs o
              where o.run_id = run) h);
end $$;

create function stepwell.intents_of(run uuid) returns text language plpgsql volatile as $$
begin
    return (
        select json_agg(json_build_array(i.branch, i.seq, i.name, i.kind, i.attempt,
                                         extract(epoch from i.due)::double precision, i.error))::text
        from stepwell.operation_intents i where i.run_id = run);
end $$;

revoke all on function stepwell.attributes_of(uuid), stepwell.history_of(uuid, bigint), stepwell.intents_of(uuid) from public;
