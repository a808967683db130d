-- Removes what an app's workflows subscribed to once and do not declare any more.
-- Called by: subscribe, before subscriptions/put in the same transaction. Index: primary key (the namespace). Locks: those rows.
delete from stepwell.subscriptions s
where s.namespace = $1::text and s.app = $2::text and s.workflow = any ($3::text[])
  and not exists (select from unnest($4::text[], $5::text[], $6::text[]) as d (event, workflow, mode)
                  where d.event = s.event and d.workflow = s.workflow and d.mode = s.mode)
