-- Whether this is still the transaction that was marked: a commit or rollback takes the mark away.
-- Called by: @transaction, after its body, where no checkpoint asks it itself. Index: none. Locks: nothing.
select coalesce(current_setting('stepwell_transaction.token', true) = d.token, false)
from json_to_record($1::text::json) as d (token text)
