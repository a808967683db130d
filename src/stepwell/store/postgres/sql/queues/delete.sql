-- Removes a queue's row unless runs of it wait, run or are to go on. Its rates' buckets are left to the sweep.
-- Called by: delete_queue. Index: queues_pkey, workflow_status_queued, workflow_status_running, workflow_status_kept.
-- Locks: that row.
delete from stepwell.queues q
where q.namespace = $1::text and q.name = $2::text
  and not exists (select from stepwell.workflow_status s
                  where s.status = 'ENQUEUED' and s.queue <> '' and s.namespace = q.namespace and s.queue = q.name)
  and not exists (select from stepwell.workflow_status s
                  where s.status = 'PENDING' and s.queue <> '' and s.namespace = q.namespace and s.queue = q.name)
  and not exists (select from stepwell.workflow_status s
                  where s.queue <> '' and s.started_at is not null and s.owner is null and s.completed_at is null
                    and s.namespace = q.namespace and s.queue = q.name and s.status in ('WAITING', 'BLOCKED'))
