-- Whether this process is registered here: then this is its engine's own database, whatever the way to it.
-- Called by: @transaction, once per source. Index: primary key of executors. Locks: nothing.
select exists (select from stepwell.executors e where e.incarnation = d.incarnation)
from json_to_record($1::text::json) as d (incarnation uuid)
