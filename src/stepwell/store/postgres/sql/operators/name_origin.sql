-- Notes which run another was forked from, and gives it to the same app, whoever asked for the fork.
-- Called by: fork, in its transaction. Index: primary key. Locks: that run.
update stepwell.workflow_status w
set forked_from = o.run_id, app = o.app
from stepwell.workflow_status o
where w.run_id = $1::uuid and o.run_id = $2::uuid
