-- The last event of a name. Called by: event_head. Index: published_events_order. Locks: nothing.
-- In this form, and not as a maximum, the last row alone is read whatever the statistics are.
select coalesce((select e.number from stepwell.published_events e
                 where e.namespace = $1::text and e.event = $2::text
                 order by e.number desc
                 limit 1), 0)
