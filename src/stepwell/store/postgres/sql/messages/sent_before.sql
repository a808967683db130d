-- Which of these messages are there: of runs that have ended since, so that a repeated send is told that it was sent.
-- Called by: send, after messages/send met ended runs. Index: messages_pkey. Locks: nothing.
select u.ordinal
from unnest($1::uuid[], $2::text[]) with ordinality as u (run_id, key, ordinal)
where (select true from stepwell.messages m where m.run_id = u.run_id and m.key = u.key)
