-- Deletes runs of one app and namespace that ended long ago, with all their rows; a child only when its parent is gone.
-- Called by: purge. Index: workflow_status_completed, primary keys. Locks: those runs, passing over locked ones.
with gone as (
    delete from stepwell.workflow_status w
    where w.ctid = any (array(
        select s.ctid
        from stepwell.workflow_status s
        where s.namespace = $3::text and s.app = $4::text
          and s.completed_at < (select stepwell.clock()) - make_interval(secs => $1::double precision)
          and s.completed_at is not null
          and not exists (select from stepwell.workflow_status p where p.run_id = s.parent_run_id)
        order by s.completed_at
        limit $2::integer
        for update skip locked))
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
