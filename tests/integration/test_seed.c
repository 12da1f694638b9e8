/*
 * test_seed.c: what seeds do when all goes well: formats, modes, types, defaults, sequences, names,
 * memory.
 */
#include "common/mem.h"
#include "tests/harness/pg_sql.h"
#include "tests/harness/tmpdir.h"
#include "tests/integration/seed_fixture.h"

#include <criterion/criterion.h>

static struct seed_fixture fixture;

static void teardown(void)
{
    seed_fixture_release(&fixture);
}

TestSuite(seed, .fini = teardown, .timeout = 120);

static void setup(const char *sql)
{
    seed_fixture_init(&fixture, sql);
}

#define assert_seeded(name, text)                                                                  \
    cr_assert(seed_fixture_apply(&fixture, name, text), "%s", seed_fixture_fault(&fixture))

#define assert_rows(sql, expected) cr_assert_str_eq(seed_fixture_rows(&fixture, sql), expected)

static const char product_sql[] =
    "CREATE TABLE product (id int PRIMARY KEY, title text NOT NULL, price numeric(10,2),"
    " handle text DEFAULT 'none', tags text[])";

/* --- formats and history ---------------------------------------------------------------------- */

Test(seed, json_with_a_table)
{
    setup(product_sql);
    assert_seeded("01_product.json", "{\"table\": \"product\", \"rows\": [\n"
                                     "  {\"id\": 1, \"title\": \"Mug\", \"price\": 9.5},\n"
                                     "  {\"id\": 2, \"title\": \"Caf\\u00e9 \\\"x\\\" \\\\\"}\n]}");
    assert_rows("SELECT id, title, price, handle FROM product ORDER BY id",
                "1|Mug|9.50|none\n2|Café \"x\" \\||none\n");
    cr_assert_eq(fixture.counts.rows, 2);
    cr_assert_eq(fixture.counts.statements, 1);
    assert_rows("SELECT kind, version, name, state, statements_done, statements_total, detail,"
                " run_id FROM pgtide_history",
                "seed||base/01_product.json|applied|1|1|{\"rows\": 2}|run-1\n");
    cr_assert_str_eq(
        seed_fixture_rows(&fixture, "SELECT checksum FROM pgtide_history"),
        mem_printf(fixture.ctx, "%s\n", seed_fixture_file(&fixture, "01_product.json")->checksum));
}

Test(seed, json_members_in_any_order)
{
    setup("CREATE TABLE rows (sku text UNIQUE, n int)");
    assert_seeded("01_a.json", "\xEF\xBB\xBF{\"rows\": [{\"sku\": \"a\", \"n\": 1}], \"mode\": "
                               "\"upsert\", \"key\": [\"sku\"], \"table\": \"rows\"}\r\n");
    assert_seeded("01_b.json", "{\"rows\": [{\"n\": 2, \"sku\": \"a\"}], \"key\": [\"sku\"],"
                               " \"table\": \"rows\"}");
    assert_rows("SELECT * FROM rows", "a|2\n");
}

Test(seed, json_tables_in_the_order_written)
{
    setup("CREATE TABLE z_region (id int PRIMARY KEY);"
          "CREATE TABLE a_store (id int PRIMARY KEY, region int NOT NULL REFERENCES z_region);"
          "CREATE TABLE nothing (id int)");
    assert_seeded("01_all.json", "{\"z_region\": [{\"id\": 1}, {\"id\": 2}],\n"
                                 " \"nothing\": [],\n"
                                 " \"a_store\": [{\"id\": 7, \"region\": 2}]}");
    assert_rows("SELECT * FROM a_store", "7|2\n");
    cr_assert_eq(fixture.counts.rows, 3);
    cr_assert_eq(fixture.counts.statements, 3);
}

Test(seed, json_without_anything)
{
    setup("SELECT 1");
    assert_seeded("01_empty.json", "{}");
    cr_assert_eq(fixture.counts.rows, 0);
    assert_rows("SELECT count(*) FROM pgtide_history", "1\n");
}

Test(seed, csv)
{
    setup(product_sql);
    assert_seeded("01_product.csv", "\xEF\xBB\xBFtitle,id,handle,tags\r\n"
                                    "\r\n"
                                    "\"Mug, \"\"big\"\"\",1,,\"{a,\"\"b c\"\"}\"\r\n"
                                    "\"two\r\nlines\",2,\"\",\r\n"
                                    "\r\n"
                                    "back\\slash\ttab,3,x,{}");
    assert_rows("SELECT id, title, handle IS NULL, handle, tags FROM product ORDER BY id",
                "1|Mug, \"big\"|t||{a,\"b c\"}\n"
                "2|two\r\nlines|f||\n"
                "3|back\\slash\ttab|f|x|{}\n");
    cr_assert_eq(fixture.counts.rows, 3);
}

Test(seed, csv_upserts_by_the_primary_key)
{
    setup("CREATE TABLE price (sku text, cur text, amount int, PRIMARY KEY (cur, sku));"
          "CREATE TABLE log (line text)");
    assert_seeded("01_price.csv", "sku,cur,amount\na,EUR,1\nb,EUR,2\n");
    assert_seeded("01_price.csv", "amount,cur,sku\n5,EUR,a\n6,USD,a\n");
    assert_rows("SELECT * FROM price ORDER BY sku, cur", "a|EUR|5\na|USD|6\nb|EUR|2\n");
    assert_seeded("02_log.csv", "line\nsame\nsame\n");
    assert_seeded("02_log.csv", "line\nsame\n");
    assert_rows("SELECT count(*) FROM log", "3\n");
}

Test(seed, csv_with_a_header_only)
{
    setup(product_sql);
    assert_seeded("01_product.csv", "id,title\n");
    cr_assert_eq(fixture.counts.rows, 0);
}

Test(seed, sql)
{
    setup(product_sql);
    assert_seeded("01_data.sql", "INSERT INTO product (id, title) VALUES (1, 'a;b');\n"
                                 "COPY product (id, title) FROM stdin;\n2\tMug\n\\.\n"
                                 "UPDATE product SET price = id;\n");
    assert_rows("SELECT id, title, price FROM product ORDER BY id", "1|a;b|1.00\n2|Mug|2.00\n");
    cr_assert_eq(fixture.counts.statements, 3);
    assert_rows("SELECT kind, statements_done, statements_total FROM pgtide_history", "seed|3|3\n");
}

Test(seed, several_in_one_session)
{
    static const char *const names[] = {"01_temp.sql", "02_product.csv", "03_product.json",
                                        "04_more.sql"};

    setup(product_sql);
    tmpdir_write(fixture.dir, names[0], "CREATE TEMP TABLE product (id text); SET search_path = x");
    tmpdir_write(fixture.dir, names[1], "id,title\n1,a\n2,b\n");
    tmpdir_write(fixture.dir, names[2], "{\"product\": [{\"id\": 1, \"title\": \"A\"}]}");
    tmpdir_write(fixture.dir, names[3], "INSERT INTO public.product VALUES (3, 'c')");
    cr_assert(seed_fixture_apply_files(&fixture, names, ARRAY_LEN(names)), "%s",
              seed_fixture_fault(&fixture));
    assert_rows("SELECT id, title FROM product ORDER BY id", "1|A\n2|b\n3|c\n");
    assert_rows("SELECT count(*), count(DISTINCT rank) FROM pgtide_history", "4|4\n");
}

Test(seed, sql_longer_than_one_query)
{
    struct strbuf text;

    setup("CREATE TABLE t (id int, filler text)");
    strbuf_init(&text, fixture.ctx);
    for (int i = 0; i < 30000; i++)
        strbuf_printf(&text, "INSERT INTO t VALUES (%d, '%080d');\n", i, i);
    assert_seeded("01_t.sql", text.text);
    assert_rows("SELECT count(*), count(DISTINCT xmin::text) FROM t", "30000|1\n");
    cr_assert_eq(fixture.counts.statements, 30000);
}

/* --- modes ------------------------------------------------------------------------------------ */

Test(seed, second_run_touches_no_row)
{
    const char *text =
        "{\"t\": [{\"id\": 1, \"j\": {\"a\": [1, 2]}, \"t\": \"x\", \"k\": {\"b\": 1},"
        " \"c\": {\"x\": 1, \"y\": \"q\"}, \"p\": \"(1,2)\", \"n\": 1.50, \"a\": [1, null]},"
        " {\"id\": 2}]}";

    setup("CREATE TYPE comp AS (x int, y text);"
          "CREATE TABLE t (id int PRIMARY KEY, j jsonb, t text, k json, c comp, p point,"
          " n numeric, a int[])");
    assert_seeded("01_t.json", text);
    pg_sql_exec(fixture.server, fixture.database,
                "CREATE TABLE before AS SELECT id, xmin::text AS x, ctid::text AS c FROM t");
    assert_seeded("01_t.json", text);
    assert_rows("SELECT count(*) FROM t JOIN before b ON b.id = t.id AND b.x = t.xmin::text"
                " AND b.c = t.ctid::text",
                "2\n");
    assert_seeded("01_t.json", "{\"t\": [{\"id\": 1, \"n\": 1.5}, {\"id\": 2, \"t\": null}]}");
    assert_rows("SELECT id, n, t FROM t WHERE xmin::text <> (SELECT x FROM before b WHERE"
                " b.id = t.id)",
                "1|1.5|x\n");
}

Test(seed, upsert_leaves_columns_alone_that_a_row_does_not_give)
{
    setup(product_sql);
    assert_seeded("01_p.json", "{\"product\": [{\"id\": 1, \"title\": \"a\", \"price\": 1},"
                               " {\"id\": 2, \"title\": \"b\", \"price\": 2}]}");
    assert_seeded("02_p.json", "{\"product\": [{\"id\": 1, \"title\": \"A\"},"
                               " {\"id\": 2, \"title\": \"b\", \"price\": null}]}");
    assert_rows("SELECT id, title, price FROM product ORDER BY id", "1|A|1.00\n2|b|\n");
}

Test(seed, upsert_by_a_declared_key)
{
    setup("CREATE TABLE product (id serial PRIMARY KEY, sku text UNIQUE, n int)");
    assert_seeded("01_p.json", "{\"table\": \"product\", \"key\": [\"sku\"], \"rows\":"
                               " [{\"sku\": \"a\", \"n\": 1}, {\"sku\": \"b\", \"n\": 2}]}");
    assert_seeded("01_p.json", "{\"table\": \"product\", \"key\": [\"sku\"], \"rows\":"
                               " [{\"sku\": \"b\", \"n\": 3}]}");
    assert_rows("SELECT id, sku, n FROM product ORDER BY id", "1|a|1\n2|b|3\n");
}

Test(seed, modes_insert_and_ignore)
{
    setup("CREATE TABLE t (id int PRIMARY KEY, sku text UNIQUE, n int)");
    assert_seeded("01_t.json", "{\"table\": \"t\", \"mode\": \"insert\", \"rows\":"
                               " [{\"id\": 1, \"sku\": \"a\", \"n\": 1}]}");
    assert_seeded("02_t.json", "{\"table\": \"t\", \"mode\": \"ignore\", \"rows\":"
                               " [{\"id\": 1, \"n\": 9}, {\"id\": 2, \"sku\": \"a\"},"
                               "  {\"id\": 3, \"sku\": \"c\"}, {\"id\": 3, \"sku\": \"d\"}]}");
    assert_rows("SELECT * FROM t ORDER BY id", "1|a|1\n3|c|\n");
    cr_assert_not(seed_fixture_apply(&fixture, "03_t.json",
                                     "{\"table\": \"t\", \"mode\": \"insert\", \"rows\":"
                                     " [{\"id\": 1, \"sku\": \"z\"}]}"));
    cr_assert_str_eq(fixture.err.sqlstate, "23505");
}

Test(seed, rows_without_the_key_are_inserted)
{
    setup("CREATE TABLE t (id serial PRIMARY KEY, n int)");
    assert_seeded("01_t.json", "{\"t\": [{\"n\": 1}, {\"id\": 10, \"n\": 2}, {}, {\"n\": 3}]}");
    assert_rows("SELECT count(*), count(n), sum(n) FROM t", "4|3|6\n");
    assert_rows("INSERT INTO t DEFAULT VALUES RETURNING id", "11\n");
}

/* --- values ----------------------------------------------------------------------------------- */

Test(seed, missing_keys_take_defaults_and_null_is_null)
{
    setup("CREATE DOMAIN code AS text NOT NULL DEFAULT 'dom';"
          "CREATE TABLE t (id int PRIMARY KEY, a text DEFAULT 'one', b jsonb DEFAULT '{}',"
          " c code, d int GENERATED ALWAYS AS (id * 2) STORED)");
    assert_seeded("01_t.json", "{\"t\": [{\"id\": 1}, {\"id\": 2, \"a\": null, \"b\": null},"
                               " {\"b\": [1], \"id\": 3, \"c\": \"x\"}, {\"id\": 4}]}");
    assert_rows("SELECT id, a, b IS NULL, b, c, d FROM t ORDER BY id",
                "1|one|f|{}|dom|2\n2||t||dom|4\n3|one|f|[1]|x|6\n4|one|f|{}|dom|8\n");
}

Test(seed, types_of_json)
{
    setup("CREATE TYPE mood AS ENUM ('sad', 'happy'); CREATE TYPE comp AS (x int, y text);"
          "CREATE TABLE t (id bigint PRIMARY KEY, ta text[], ia int[], j jsonb, js json,"
          " n numeric, ts timestamptz, tz timestamptz, d date, by bytea, c comp, ca comp[], m mood,"
          " r int4range, u uuid, b bool, f float8, iv interval)");
    pg_sql_execf(fixture.server, fixture.database,
                 "ALTER DATABASE %s SET TimeZone = 'Asia/Tokyo'; ALTER DATABASE %s SET DateStyle ="
                 " 'German, DMY'",
                 fixture.database, fixture.database);
    assert_seeded(
        "01_t.json",
        "{\"t\": [{\"id\": 9007199254740993, \"ta\": [\"a,b\", null, \"\\\"\"], \"ia\": \"{1,2}\","
        " \"j\": {\"k\": [1, null, \"x\"]}, \"js\": {\"b\":  1, \"a\": 2},"
        " \"n\": 12345678901234567890.1234567890123, \"ts\": \"2026-11-23T06:15:00.123+01:00\","
        " \"tz\": \"2026-11-23 06:15:00\", \"d\": \"2026-02-01\", \"by\": \"\\\\xdeadbeef\","
        " \"c\": {\"x\": 1, \"y\": \"q\"}, \"ca\": [{\"x\": 2}, null], \"m\": \"happy\","
        " \"r\": \"[1,5)\", \"u\": \"5b0a2c3e-0000-4000-8000-000000000001\", \"b\": true,"
        " \"f\": 1e-3, \"iv\": \"1 day 02:00\"}]}");
    assert_rows("SET TimeZone = 'UTC'; SET DateStyle = 'ISO'; SET bytea_output = 'hex';"
                "SELECT * FROM t",
                "9007199254740993|{\"a,b\",NULL,\"\\\"\"}|{1,2}|{\"k\": [1, null, \"x\"]}|"
                "{\"b\":  1, \"a\": 2}|12345678901234567890.1234567890123|"
                "2026-11-23 05:15:00.123+00|2026-11-23 06:15:00+00|2026-02-01|\\xdeadbeef|(1,q)|"
                "{\"(2,)\",NULL}|happy|[1,5)|5b0a2c3e-0000-4000-8000-000000000001|t|0.001|"
                "1 day 02:00:00\n");
}

Test(seed, types_of_csv)
{
    setup("CREATE TYPE mood AS ENUM ('sad', 'happy'); CREATE TYPE comp AS (x int, y text);"
          "CREATE TABLE t (id int PRIMARY KEY, j jsonb, n numeric(6,2), tz timestamptz, by bytea,"
          " c comp, m mood, b bit(3), s varchar(3), ch char(2))");
    assert_seeded("01_t.csv", "id,j,n,tz,by,c,m,b,s,ch\n"
                              "1,\"{\"\"a\"\": null}\",1.239,2026-01-02 03:04:05,\\x00ff,"
                              "\"(1,\"\"a b\"\")\",sad,101,abc,x\n"
                              "2,null,,,,,,,,\n");
    assert_rows("SET TimeZone = 'UTC'; SELECT * FROM t ORDER BY id",
                "1|{\"a\": null}|1.24|2026-01-02 03:04:05+00|\\x00ff|(1,\"a b\")|sad|101|abc|x \n"
                "2|null||||||||\n");
}

/* --- sequences -------------------------------------------------------------------------------- */

Test(seed, sequences_move_past_loaded_values)
{
    setup("CREATE TABLE a (id serial PRIMARY KEY, n int);"
          "CREATE TABLE b (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, n int);"
          "CREATE TABLE c (id int GENERATED BY DEFAULT AS IDENTITY (INCREMENT -1) PRIMARY KEY,"
          " n int)");
    assert_seeded("01_all.json", "{\"a\": [{\"id\": 40}, {\"id\": 41}], \"b\": [{\"id\": 7}],"
                                 " \"c\": [{\"id\": -5}]}");
    assert_rows("INSERT INTO a DEFAULT VALUES RETURNING id", "42\n");
    assert_rows("INSERT INTO b DEFAULT VALUES RETURNING id", "8\n");
    assert_rows("INSERT INTO c DEFAULT VALUES RETURNING id", "-6\n");
    assert_seeded("02_all.json", "{\"a\": [{\"id\": 5}], \"b\": [{\"id\": 2}]}");
    assert_rows("INSERT INTO a DEFAULT VALUES RETURNING id", "43\n");
    assert_rows("INSERT INTO b DEFAULT VALUES RETURNING id", "9\n");
    assert_seeded("03_b.csv", "id,n\n30,1\n7,2\n");
    assert_rows("INSERT INTO b DEFAULT VALUES RETURNING id", "31\n");
    assert_rows("SELECT n FROM b WHERE id = 7", "2\n");
}

/* --- names and places ------------------------------------------------------------------------- */

Test(seed, quoted_names)
{
    setup("CREATE TABLE \"Größe \"\"x\"\" %s\" (\"my id\" int PRIMARY KEY, \"a\"\"b\" text,"
          " \"$pgtide$\" text, n int, line int, d text, g int, \"naïve '\\\" int)");
    assert_seeded("01_t.json", "{\"Größe \\\"x\\\" %s\": [{\"my id\": 1, \"a\\\"b\": \"q'\","
                               " \"$pgtide$\": \"$1 %d\", \"n\": 2, \"line\": 3, \"d\": \"4\","
                               " \"g\": 5, \"naïve '\\\\\": 6}]}");
    assert_rows("SELECT * FROM \"Größe \"\"x\"\" %s\"", "1|q'|$1 %d|2|3|4|5|6\n");
    assert_seeded("02_Größe \"x\" %s.csv", "my id,\"a\"\"b\",naïve '\\\n1,\"it's\",7\n");
    assert_rows("SELECT * FROM \"Größe \"\"x\"\" %s\"", "1|it's|$1 %d|2|3|4|5|7\n");
    cr_assert_not(seed_fixture_apply(&fixture, "02_Größe \"x\" %s.csv", "my id,g\n2,x\n"));
    cr_assert_str_eq(seed_fixture_fault(&fixture),
                     "2: table \"Größe \"x\" %s\", row 1, column \"g\": invalid input syntax for "
                     "type integer: \"x\"");
}

Test(seed, schema_of_the_tenant)
{
    setup("CREATE SCHEMA \"store 1\"; CREATE TABLE product (id int PRIMARY KEY);"
          "CREATE TABLE \"store 1\".product (id serial PRIMARY KEY, t text);"
          "CREATE TABLE only_public (id int)");
    fixture.tenant.schema = fixture.tenant.history_schema = "store 1";
    assert_seeded("01_product.csv", "id,t\n4,x\n");
    assert_rows("SELECT count(*) FROM public.product", "0\n");
    assert_rows("INSERT INTO \"store 1\".product (t) VALUES ('y') RETURNING id", "5\n");
    assert_rows("SELECT count(*) FROM \"store 1\".pgtide_history", "1\n");
    cr_assert_not(seed_fixture_apply(&fixture, "02_only_public.csv", "id\n1\n"));
    cr_assert_str_eq(fixture.err.sqlstate, "42P01");
}

Test(seed, partitions_and_self_references)
{
    setup("CREATE TABLE p (id int, day date, v text, PRIMARY KEY (id, day))"
          " PARTITION BY RANGE (day);"
          "CREATE TABLE p1 PARTITION OF p FOR VALUES FROM ('2026-01-01') TO ('2027-01-01');"
          "CREATE TABLE p2 PARTITION OF p FOR VALUES FROM ('2027-01-01') TO ('2028-01-01');"
          "CREATE TABLE tree (id int PRIMARY KEY, parent int REFERENCES tree)");
    assert_seeded("01_p.csv", "id,day,v\n1,2026-05-01,a\n1,2027-05-01,b\n");
    assert_seeded("01_p.csv", "id,day,v\n1,2026-05-01,A\n");
    assert_rows("SELECT tableoid::regclass, v FROM p ORDER BY 1", "p1|A\np2|b\n");
    assert_seeded("02_tree.json", "{\"tree\": [{\"id\": 2, \"parent\": 1},"
                                  " {\"id\": 1, \"parent\": null}]}");
    assert_rows("SELECT count(*) FROM tree", "2\n");
}

Test(seed, more_columns_sets_than_are_scanned)
{
    struct strbuf text;

    setup("CREATE TABLE t (id int PRIMARY KEY, a int, b int, c int, d int, e int)");
    strbuf_init(&text, fixture.ctx);
    for (int i = 0; i < 3200; i++) {
        strbuf_printf(&text, "%s{\"id\": %d", i ? ",\n" : "{\"t\": [", i);
        for (int bit = 0; bit < 5; bit++)
            if (i >> bit & 1)
                strbuf_printf(&text, ", \"%c\": %d", 'a' + bit, i);
        strbuf_char(&text, '}');
    }
    strbuf_str(&text, "]}");
    assert_seeded("01_t.json", text.text);
    assert_rows("SELECT count(*), count(a), count(e), bool_and(coalesce(c, id) = id) FROM t",
                "3200|1600|1600|t\n");
}

/* --- memory ----------------------------------------------------------------------------------- */

/* AddressSanitizer keeps freed memory for a while. */
#ifdef __SANITIZE_ADDRESS__
enum { GROWTH_MOST_KB = 512 * 1024 };
#else
enum { GROWTH_MOST_KB = 8 * 1024 };
#endif

/* Highest resident memory of a process so far, in KiB. */
static long peak_kb(void)
{
    FILE *status = fopen("/proc/self/status", "r");
    char line[256];
    long kb = 0;

    cr_assert_not_null(status);
    while (fgets(line, sizeof(line), status))
        if (strncmp(line, "VmHWM:", 6) == 0)
            kb = strtol(line + 6, NULL, 10);
    fclose(status);
    return kb;
}

/* Written piece by piece: the test must not need the memory that it measures. */
static void write_rows(const char *path, int rows, bool json)
{
    FILE *file = fopen(path, "w");

    cr_assert_not_null(file);
    fputs(json ? "{\"big\": [\n" : "id,title,price,meta\n", file);
    for (int i = 1; i <= rows; i++) {
        if (json)
            fprintf(file,
                    "%s{\"id\": %d, \"title\": \"Product number %d\", \"price\": %d.25,"
                    " \"meta\": {\"a\": [1, 2, %d], \"b\": \"text\"}}",
                    i > 1 ? ",\n" : "", i, i, i % 1000, i);
        else
            fprintf(file, "%d,Product number %d,%d.75,\"{\"\"a\"\": %d}\"\n", i, i, i % 1000, i);
    }
    fputs(json ? "]}\n" : "", file);
    fclose(file);
}

static void seed_much(const char *name, bool json)
{
    const char *small = mem_printf(fixture.ctx, "00%s", name + 2);
    long before;

    write_rows(tmpdir_path(fixture.ctx, fixture.dir, small), 2000, json);
    write_rows(tmpdir_path(fixture.ctx, fixture.dir, name), 200000, json);
    cr_assert(seed_fixture_apply_file(&fixture, small), "%s", seed_fixture_fault(&fixture));
    seed_fixture_file(&fixture, name); /* the fixture itself reads the file for its checksum */
    before = peak_kb();
    cr_assert(seed_fixture_apply_file(&fixture, name), "%s", seed_fixture_fault(&fixture));
    cr_assert_lt(peak_kb() - before, GROWTH_MOST_KB, "grew by %ld KiB", peak_kb() - before);
    cr_assert_eq(fixture.counts.rows, 200000);
}

Test(seed, memory_is_flat)
{
    setup("CREATE TABLE big (id int PRIMARY KEY, title text, price numeric(10,2), meta jsonb);"
          "CREATE TABLE peak (kb int);"
          "CREATE FUNCTION measure() RETURNS trigger LANGUAGE plpgsql AS $$"
          " DECLARE s text := pg_read_file('/proc/self/status');"
          " BEGIN INSERT INTO peak VALUES (substring(s FROM 'VmHWM:\\s+(\\d+)')::int"
          "  - substring(s FROM 'RssShmem:\\s+(\\d+)')::int); RETURN NULL; END $$;"
          "CREATE TRIGGER measure AFTER INSERT ON big FOR EACH STATEMENT"
          " EXECUTE FUNCTION measure()");
    seed_much("01_big.json", true);
    assert_rows("SELECT count(*), sum(id) FROM big", "200000|20000100000\n");
    seed_much("01_big.csv", false);
    assert_rows("SELECT count(*), sum(price - floor(price)) FROM big", "200000|150000.00\n");
    /* the server's: four loads, the large ones a hundred times the small ones */
    assert_rows("SELECT count(*), max(kb) - min(kb) < 32 * 1024 FROM peak", "4|t\n");
}
