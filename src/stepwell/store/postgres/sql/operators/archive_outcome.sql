-- Keeps the outcome that a run had before it is put back to work.
-- Called by: resume, rewind, in their transaction. Index: primary keys. Locks: the new row.
insert into stepwell.archived_outcomes (run_id, epoch, what, body)
select s.run_id, s.epoch, 'run',
       json_build_object('status', s.status, 'output', s.output, 'error', s.error, 'reason', s.reason,
                         'codec_id', s.output_codec_id, 'completed_at', s.completed_at)::text
from stepwell.workflow_status s
where s.run_id = $1::uuid and s.completed_at is not null
