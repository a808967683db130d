-- The server's settings that decide whether what is committed is kept.
-- Called by: warnings. Index: none. Locks: nothing.
select s.name, s.setting
from pg_settings s
where s.name in ('fsync', 'synchronous_commit', 'full_page_writes', 'default_transaction_isolation',
                 'default_transaction_read_only', 'statement_timeout')
