-- Deletes one run that has ended, with all its rows.
-- Called by: delete. Index: primary keys. Locks: that run.
with gone as (
    delete from stepwell.workflow_status w
    where w.run_id = $1::uuid and w.completed_at is not null
    returning w.run_id
), outputs as (delete from stepwell.operation_outputs where run_id = any (array(select g.run_id from gone g))
), intents as (delete from stepwell.operation_intents where run_id = any (array(select g.run_id from gone g))
), archived as (delete from stepwell.archived_outcomes where run_id = any (array(select g.run_id from gone g))
), attributes as (delete from stepwell.workflow_attributes where run_id = any (array(select g.run_id from gone g))
), waits as (delete from stepwell.waits where run_id = any (array(select g.run_id from gone g))
), messages as (delete from stepwell.messages where run_id = any (array(select g.run_id from gone g))
), events as (delete from stepwell.events where run_id = any (array(select g.run_id from gone g))
), publications as (delete from stepwell.publications where run_id = any (array(select g.run_id from gone g))
), streams as (delete from stepwell.streams where run_id = any (array(select g.run_id from gone g))
)
select count(*) from gone
