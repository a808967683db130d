-- Events because of which runs may have to be cancelled still. Called by: events_cancelling.
-- Index: published_events_cancelling. Locks: nothing.
select e.event, e.number, e.id, e.payload, e.codec_id, extract(epoch from e.published_at)::double precision
from stepwell.published_events e
where e.namespace = $1::text and e.cancelling
  and e.published_at < (select stepwell.clock()) - make_interval(secs => $2::double precision)
order by e.published_at
limit $3::integer
