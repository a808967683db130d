-- Puts BLOCKED runs back to ENQUEUED for a process that serves their route with code that was not tried yet.
-- Called by: retry_blocked. Index: workflow_status_unusual. Locks: those runs, passing over locked ones.
update stepwell.workflow_status w
set status = 'ENQUEUED', reason = null
where w.ctid = any (array(
    select s.ctid
    from stepwell.workflow_status s
    join unnest($3::text[], $4::text[]) as u (route, code_hint) on u.route = s.route
    where s.status = 'BLOCKED' and s.namespace = $1::text and s.app = $2::text
      and u.code_hint <> all (string_to_array(coalesce(s.tried_hints, ''), E'\n'))
    order by s.created_at
    limit $5::integer
    for no key update of s skip locked))
