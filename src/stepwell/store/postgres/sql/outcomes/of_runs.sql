-- The outcomes of those of these runs that have ended.
-- Called by: outcomes. Index: primary key. Locks: nothing.
select s.run_id, s.status, s.output, s.error, s.reason, s.output_codec_id
from stepwell.workflow_status s
where s.run_id = any ($1::uuid[]) and s.completed_at is not null
