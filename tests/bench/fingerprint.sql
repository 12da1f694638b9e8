-- One checksum of a bench database: columns, indexes, constraints, functions, views, every row of the
-- tables, and what the history says is applied. Equal databases give equal sums.
SET search_path = pg_catalog, public;
WITH part AS (
    SELECT format('column %s.%s %s %s %s', c.relname, a.attname, format_type(a.atttypid, a.atttypmod),
                  a.attnotnull, pg_get_expr(d.adbin, d.adrelid)) AS line
      FROM pg_class c
      JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
      LEFT JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum
     WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'v')
    UNION ALL
    SELECT format('index %s', indexdef) FROM pg_indexes
     WHERE schemaname = 'public' AND tablename <> 'pgtide_history'
    UNION ALL
    SELECT format('constraint %s %s %s', conrelid::regclass, conname, pg_get_constraintdef(oid))
      FROM pg_constraint WHERE connamespace = 'public'::regnamespace
    UNION ALL
    SELECT format('function %s', pg_get_functiondef(oid))
      FROM pg_proc WHERE pronamespace = 'public'::regnamespace
    UNION ALL
    SELECT format('view %s %s', viewname, definition) FROM pg_views WHERE schemaname = 'public'
    UNION ALL
    SELECT format('rows %s %s', relname, query_to_xml(
               format('SELECT md5(string_agg(t::text, chr(10) ORDER BY t.id)) FROM public.%I t', relname),
               false, true, ''))
      FROM pg_class
     WHERE relnamespace = 'public'::regnamespace AND relkind = 'r' AND relname <> 'pgtide_history'
    UNION ALL
    SELECT format('history %s %s %s %s', kind, version, name, state) FROM public.pgtide_history
)
SELECT md5(string_agg(line, chr(10) ORDER BY line COLLATE "C")) FROM part;
