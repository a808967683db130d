-- Which of these runs may be written to now: of that epoch, PENDING, and locked by nobody else.
-- Called by: commit's careful form for intents, before it sends those of these runs again.
-- Index: primary key of workflow_status. Locks: those runs FOR SHARE, passing over locked ones.
select s.run_id, s.epoch, s.cancel_reason
from stepwell.workflow_status s
where s.run_id = any ($1::uuid[]) and s.status = 'PENDING'
order by s.run_id
for share skip locked
