-- Makes delayed runs claimable whose not_before is reached.
-- Called by: claim, before claims/take in the same transaction. Index: workflow_status_delayed.
-- Locks: those runs, passing over locked ones.
update stepwell.workflow_status
set delayed = false
where ctid = any (array(
    select s.ctid
    from stepwell.workflow_status s
    where s.delayed and s.not_before <= (select stepwell.clock())
    order by s.not_before
    limit $1::integer
    for no key update skip locked))
