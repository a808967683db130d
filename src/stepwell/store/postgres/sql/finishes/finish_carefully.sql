-- Writes the outcomes of runs whose fast form did not add up; returns the runs that it ended.
-- Called by: commit's careful form, with the runs whose checkpoints were all accepted.
-- Index: primary key. Locks: the runs FOR NO KEY UPDATE in the order of run_id, passing over locked ones.
with free as materialized (
    select s.run_id, s.epoch
    from stepwell.workflow_status s
    where s.run_id = any ($1::uuid[]) and s.status = 'PENDING'
    order by s.run_id
    for no key update skip locked
)
update stepwell.workflow_status w
set status = u.status, output = u.output, error = u.error, reason = u.reason, output_codec_id = u.codec_id, owner = null,
    completed_at = stepwell.clock()
from unnest($1::uuid[], $2::integer[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[])
     as u (run_id, epoch, status, output, error, reason, codec_id)
join free f on f.run_id = u.run_id and f.epoch = u.epoch
where w.run_id = u.run_id
returning w.run_id
