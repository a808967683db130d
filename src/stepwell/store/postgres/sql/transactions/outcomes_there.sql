-- Whether the table of outcomes is in this database. Called by: @transaction with a source, once. Index: none. Locks: nothing.
select to_regclass('stepwell_transactions') is not null
