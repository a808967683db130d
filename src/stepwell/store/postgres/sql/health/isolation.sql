-- The isolation that transactions have if nothing is said; needs no schema.
-- Called by: open, and commit when nothing was written. Index: none. Locks: nothing.
select current_setting('default_transaction_isolation')
