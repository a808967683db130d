-- Has the next statement read indexes, in their order: what looks every second must not read a table because the
-- statistics are old, nor be compiled because counts of up to 10,000 rows look dear.
-- Called by: vitals and queues, before their statement in the same transaction, which is as long as it holds.
-- Index: none. Locks: nothing.
select set_config('enable_seqscan', 'off', true), set_config('enable_sort', 'off', true), set_config('jit', 'off', true)
