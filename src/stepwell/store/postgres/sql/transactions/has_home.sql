-- Whether the engine's tables could be here, and may be written by this role: then is_home may be asked.
-- Called by: @transaction, once per source. Index: none. Locks: nothing.
select coalesce((
    select bool_and(has_table_privilege(c.oid, case c.relname when 'operation_outputs' then 'INSERT' else 'SELECT, UPDATE' end))
           and count(*) = 3 and bool_and(has_schema_privilege(n.oid, 'USAGE'))
    from pg_class c join pg_namespace n on n.oid = c.relnamespace
    where n.nspname = d.schema and c.relname in ('operation_outputs', 'workflow_status', 'executors')), false)
   and coalesce((
    select bool_and(has_function_privilege(p.oid, 'EXECUTE'))
    from pg_proc p join pg_namespace n on n.oid = p.pronamespace
    where n.nspname = d.schema and p.proname = 'record_transaction'), false)
from json_to_record($1::text::json) as d (schema text)
