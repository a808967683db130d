-- Removes what a workflow subscribed to. Called by: unsubscribe. Index: primary key (namespace, event). Locks: those rows.
with gone as (
    delete from stepwell.subscriptions s
    where s.namespace = $1::text and s.event = $2::text and s.workflow = $3::text
    returning 1
)
select count(*) from gone
