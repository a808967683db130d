-- Marks a user's transaction, and has the server end it if its process stands still.
-- Called by: @transaction, right after a library has begun it. Index: none. Locks: nothing.
select set_config('idle_in_transaction_session_timeout', d.idle, true), set_config('stepwell_transaction.token', d.token, true)
from json_to_record($1::text::json) as d (idle text, token text)
