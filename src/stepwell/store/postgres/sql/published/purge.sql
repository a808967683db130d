-- Deletes old events, oldest first. Called by: purge_events. Index: published_events_age. Locks: those rows, passing over
-- locked ones.
with gone as (
    delete from stepwell.published_events e
    where e.ctid = any (array(
        select p.ctid
        from stepwell.published_events p
        where p.namespace = $3::text
          and p.published_at < (select stepwell.clock()) - make_interval(secs => $1::double precision)
        order by p.published_at
        limit $2::integer
        for update skip locked))
    returning 1
)
select count(*) from gone
