-- Nobody has to be cancelled because of this event any more. Called by: event_cancelled. Index: primary key. Locks: that row.
update stepwell.published_events e
set cancelling = false
where e.namespace = $1::text and e.id = $2::text and e.cancelling
