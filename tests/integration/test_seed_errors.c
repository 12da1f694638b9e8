/*
 * test_seed_errors.c: what a seed that cannot be loaded says, and that it leaves nothing behind.
 */
#include "common/mem.h"
#include "tests/harness/pg_sql.h"
#include "tests/harness/tmpdir.h"
#include "tests/integration/seed_fixture.h"

#include <criterion/criterion.h>

static struct seed_fixture fixture;

static void setup(void)
{
    seed_fixture_init(
        &fixture,
        "CREATE TABLE product (id int PRIMARY KEY, title varchar(10) NOT NULL,"
        " price numeric(10,2) CHECK (price >= 0), sku text UNIQUE,"
        " twice int GENERATED ALWAYS AS (id * 2) STORED);"
        "CREATE TABLE variant (id serial PRIMARY KEY, product int NOT NULL REFERENCES product,"
        " parent int REFERENCES variant);"
        "CREATE TABLE log (line text, n int)");
}

static void teardown(void)
{
    seed_fixture_release(&fixture);
}

TestSuite(seed_errors, .init = setup, .fini = teardown, .timeout = 120);

/* The seed fails with this place and message, and nothing of it is in the database. */
static void assert_fault(const char *name, const char *text, const char *fault,
                         const char *sqlstate)
{
    const char *before = seed_fixture_rows(&fixture, "SELECT count(*) FROM product");

    cr_assert_not(seed_fixture_apply(&fixture, name, text));
    cr_assert_str_eq(seed_fixture_fault(&fixture), fault, "%s, not %s",
                     seed_fixture_fault(&fixture), fault);
    cr_assert_str_eq(fixture.err.sqlstate, sqlstate, "%s", fixture.err.sqlstate);
    cr_assert_str_eq(fixture.err.file, mem_printf(fixture.ctx, "base/%s", name));
    cr_assert_str_eq(seed_fixture_rows(&fixture, "SELECT count(*) FROM product"), before);
    cr_assert_str_eq(seed_fixture_rows(&fixture, "SELECT to_regclass('pgtide_history') IS NULL"),
                     "t\n");
}

static void assert_hint(const char *hint)
{
    cr_assert_not_null(fixture.err.hint);
    cr_assert_str_eq(fixture.err.hint, hint);
}

/* --- names ------------------------------------------------------------------------------------ */

Test(seed_errors, unknown_column)
{
    assert_fault("01_p.json",
                 "{\"product\": [\n {\"id\": 1, \"title\": \"a\"},\n"
                 " {\"id\": 2,\n  \"titl\": \"b\"}\n]}",
                 "3: table \"product\", row 2: there is no column \"titl\"", "42703");
    assert_hint("Did you mean \"title\"?");
    assert_fault("01_product.csv", "\nid,titl\n1,a\n",
                 "2: table \"product\": there is no column \"titl\"", "42703");
    assert_hint("Did you mean \"title\"?");
}

Test(seed_errors, missing_table)
{
    assert_fault("01_p.json", "{\n\"produkt\": []}", "2: table \"produkt\" does not exist",
                 "42P01");
    assert_hint("Did you mean \"product\"?");
    cr_assert_str_eq(fixture.err.detail, "looked for in the search_path: public");
    assert_fault("01_public.product.csv", "id\n1\n", "0: table \"public.product\" does not exist",
                 "42P01");
    assert_hint("Write the table's name without a schema: the tenant's search_path decides.");
    assert_fault("01_p.json", "{\"table\": \"pg_class\",\n \"rows\": []}",
                 "1: table \"pg_class\" does not exist", "42P01");
}

Test(seed_errors, temporary_tables_are_no_target)
{
    pg_sql_execf(fixture.server, fixture.database,
                 "ALTER DATABASE %s SET search_path = pg_temp, public", fixture.database);
    assert_fault("01_t.sql", "CREATE TEMP TABLE product (id int); INSERT INTO nowhere VALUES (1);",
                 "1: relation \"nowhere\" does not exist", "42P01");
    cr_assert(seed_fixture_apply(&fixture, "02_product.csv", "id,title\n1,a\n"), "%s",
              seed_fixture_fault(&fixture));
    cr_assert_str_eq(seed_fixture_rows(&fixture, "SELECT id FROM public.product"), "1\n");
}

Test(seed_errors, generated_column)
{
    assert_fault("01_p.json", "{\"product\": [{\"id\": 1, \"title\": \"a\", \"twice\": 2}]}",
                 "1: table \"product\", row 1: column \"twice\" is generated: it takes no value",
                 "428C9");
    assert_fault("01_product.csv", "id,title,twice\n1,a,2\n",
                 "1: table \"product\": column \"twice\" is generated: it takes no value", "428C9");
}

/* --- keys ------------------------------------------------------------------------------------- */

Test(seed_errors, keys_that_cannot_be_used)
{
    assert_fault("01_l.json", "{\"table\": \"log\", \"mode\": \"upsert\", \"rows\": [{\"n\": 1}]}",
                 "1: table \"log\": mode \"upsert\" needs a key, and the table has no primary key",
                 "42P10");
    assert_fault("01_l.json", "{\n\"table\": \"log\", \"key\": [\"n\"], \"rows\": [{\"n\": 1}]}",
                 "2: table \"log\": no unique index on exactly the key (n)", "42P10");
    assert_fault("01_p.json",
                 "{\"table\": \"product\", \"key\": [\"sku\"], \"rows\":\n"
                 " [{\"sku\": \"a\", \"id\": 1, \"title\": \"x\"},\n"
                 "  {\"id\": 2, \"title\": \"x\"}]}",
                 "3: table \"product\", row 2: the key column \"sku\" is missing", "23502");
    assert_fault("01_p.json", "{\"table\": \"product\", \"key\": [\"skew\"], \"rows\": [{}]}",
                 "1: table \"product\": there is no column \"skew\"", "42703");
    pg_sql_exec(fixture.server, fixture.database,
                "CREATE TABLE late (id int PRIMARY KEY DEFERRABLE)");
    assert_fault("01_late.csv", "id\n1\n",
                 "1: table \"late\": the key (id) is deferrable, which upsert cannot use", "55000");
}

Test(seed_errors, the_same_key_twice)
{
    assert_fault("01_p.json",
                 "{\"product\": [{\"id\": 1, \"title\": \"a\"},\n {\"id\": 5, \"title\": \"b\"},\n"
                 " {\"id\": 5, \"title\": \"c\"}]}",
                 "3: table \"product\", row 3: the same key as row 2: (id)=(5)", "21000");
    assert_fault("01_p.json",
                 "{\"product\": [{\"id\": 5, \"title\": \"a\"},\n {\"id\": 6, \"title\": \"b\"},\n"
                 " {\"id\": 5, \"title\": \"c\", \"price\": 1}]}",
                 "3: table \"product\", row 3: the same key as row 1: (id)=(5)", "21000");
    assert_fault("01_p.json",
                 "{\"product\": [{\"id\": 5, \"title\": \"a\"},\n"
                 " {\"id\": \"x\", \"title\": \"c\", \"price\": 1}]}",
                 "2: table \"product\", row 2, column \"id\": invalid input syntax for type "
                 "integer: \"x\"",
                 "22P02");
    assert_fault("01_product.csv", "title,id\na,05\n\"b\n\",6\nc,5\n",
                 "5: table \"product\", row 3: the same key as row 1: (id)=(5)", "21000");
}

/* --- values ----------------------------------------------------------------------------------- */

Test(seed_errors, bad_values)
{
    assert_fault("01_p.json",
                 "{\"product\": [\n{\"id\": 1, \"title\": \"a\"},\n"
                 "{\"id\": 2, \"title\": \"b\", \"price\": \"9,5\"}]}",
                 "3: table \"product\", row 2, column \"price\": invalid input syntax for type "
                 "numeric: \"9,5\"",
                 "22P02");
    assert_fault("01_p.json", "{\"product\": [\n{\"id\": 1, \"title\": \"longer than ten\"}]}",
                 "2: table \"product\", row 1, column \"title\": value too long for type character "
                 "varying(10)",
                 "22001");
    assert_fault("01_product.csv", "id,title,price\n1,\"a\n\n\",1\n\n2,b,x\n",
                 "6: table \"product\", row 2, column \"price\": invalid input syntax for type "
                 "numeric: \"x\"",
                 "22P02");
    assert_fault("01_product.csv", "id,title\n1,a\n2,longer than ten\n",
                 "3: table \"product\", row 2: value too long for type character varying(10)",
                 "22001");
}

Test(seed_errors, a_bad_value_far_behind)
{
    struct strbuf text;

    strbuf_init(&text, fixture.ctx);
    strbuf_str(&text, "id,title\n");
    for (int i = 1; i <= 30000; i++)
        strbuf_printf(&text, "%d%s,t\n", i, i == 29999 ? "x" : "");
    assert_fault("01_product.csv", text.text,
                 "30000: table \"product\", row 29999, column \"id\": invalid input syntax for type"
                 " integer: \"29999x\"",
                 "22P02");
}

Test(seed_errors, constraints)
{
    assert_fault("01_p.json",
                 "{\"product\": [{\"id\": 1, \"title\": \"a\"},\n"
                 " {\"id\": 2, \"title\": null}]}",
                 "2: table \"product\", row 2: null value in column \"title\" of relation "
                 "\"product\" violates not-null constraint",
                 "23502");
    assert_fault("01_p.json",
                 "{\"product\": [{\"id\": 1, \"title\": \"a\", \"price\": 1},\n"
                 " {\"id\": 2, \"title\": \"b\", \"price\": -1}]}",
                 "2: table \"product\", row 2: new row for relation \"product\" violates check "
                 "constraint \"product_price_check\"",
                 "23514");
    assert_fault("01_product.csv", "id,title,sku\n1,a,s\n2,b,s\n",
                 "3: table \"product\", row 2: duplicate key value violates unique constraint "
                 "\"product_sku_key\"",
                 "23505");
    cr_assert_str_eq(fixture.err.detail, "Key (sku)=(s) already exists.");
}

Test(seed_errors, a_missing_parent_but_not_one_that_comes_later)
{
    pg_sql_exec(fixture.server, fixture.database, "INSERT INTO product VALUES (1, 'a')");
    assert_fault("01_variant.csv", "id,product,parent\n1,1,\n2,77,1\n",
                 "3: table \"variant\", row 2: insert or update on table \"variant\" violates "
                 "foreign key constraint \"variant_product_fkey\"",
                 "23503");
    cr_assert_str_eq(fixture.err.detail, "Key (product)=(77) is not present in table \"product\".");
    assert_fault("01_variant.csv", "id,product,parent\n1,1,2\n2,1,99\n",
                 "1: table \"variant\": insert or update on table \"variant\" violates "
                 "foreign key constraint \"variant_parent_fkey\"",
                 "23503");
}

Test(seed_errors, a_trigger_that_refuses)
{
    pg_sql_exec(fixture.server, fixture.database,
                "CREATE FUNCTION no() RETURNS trigger LANGUAGE plpgsql AS "
                "$$ BEGIN IF NEW.n = 3 THEN RAISE 'three is no number'; END IF; RETURN NEW; END $$;"
                "CREATE TRIGGER no BEFORE INSERT ON log FOR EACH ROW EXECUTE FUNCTION no()");
    assert_fault("01_log.csv", "n\n1\n2\n3\n", "4: table \"log\", row 3: three is no number",
                 "P0001");
}

Test(seed_errors, at_commit)
{
    pg_sql_exec(fixture.server, fixture.database,
                "ALTER TABLE variant ALTER CONSTRAINT variant_product_fkey"
                " DEFERRABLE INITIALLY DEFERRED");
    assert_fault("01_variant.csv", "id,product\n1,5\n",
                 "0: insert or update on table \"variant\" violates foreign key constraint "
                 "\"variant_product_fkey\"",
                 "23503");
    cr_assert_str_eq(fixture.err.detail, "Key (product)=(5) is not present in table \"product\".");
    cr_assert_eq(fixture.err.kind, ERR_SQL);
}

Test(seed_errors, in_sql)
{
    assert_fault("01_a.sql",
                 "INSERT INTO product (id, title) VALUES (1, 'a');\n\n"
                 "INSERT INTO product (id, title)\n VALUES (1, 'b');\n",
                 "3: duplicate key value violates unique constraint \"product_pkey\"", "23505");
}

Test(seed_errors, a_character_that_the_database_does_not_have)
{
    const char *name = pg_sql_unique(fixture.ctx, "latin");

    pg_sql_execf(fixture.server, "postgres",
                 "CREATE DATABASE %s ENCODING LATIN1 LOCALE 'C' TEMPLATE template0", name);
    pg_sql_exec(fixture.server, name, "CREATE TABLE product (id int PRIMARY KEY, title text)");
    pg_sql_drop_database(fixture.server, fixture.database);
    fixture.database = name;
    assert_fault("01_product.csv", "id,title\n1,é\n2,€\n",
                 "1: table \"product\", row 2: character with byte sequence 0xe2 0x82 0xac in "
                 "encoding \"UTF8\" has no equivalent in encoding \"LATIN1\"",
                 "22P05");
}

/* --- the file --------------------------------------------------------------------------------- */

Test(seed_errors, a_file_that_is_not_well_formed_behind_good_rows)
{
    struct strbuf text;

    strbuf_init(&text, fixture.ctx);
    strbuf_str(&text, "{\"product\": [\n");
    for (int i = 1; i <= 5000; i++)
        strbuf_printf(&text, "{\"id\": %d, \"title\": \"t\"},\n", i);
    strbuf_str(&text, "{\"id\": 5001, \"title\": t}]}\n");
    cr_assert_not(seed_fixture_apply(&fixture, "01_p.json", text.text));
    cr_assert_eq(fixture.err.line, 5002);
    cr_assert_eq(fixture.err.kind, ERR_DATA);
    cr_assert_eq(strncmp(fixture.err.message, "\"product\", row 5001: ", 21), 0, "%s",
                 fixture.err.message);
    assert_fault("01_product.csv", "id,title\n1,a\n2,b,c\n",
                 "3: row 2: has 3 fields, the header names 2 columns", "");
}

Test(seed_errors, a_file_that_changed_since_the_catalog_was_read)
{
    fixture.wrong_checksum = true;
    assert_fault("01_product.csv", "id,title\n1,a\n", "0: the file has changed since the run began",
                 "");
    assert_fault("01_p.json", "{\"product\": [{\"id\": 1, \"title\": \"a\"}]}",
                 "0: the file has changed since the run began", "");
}

/* --- rights ----------------------------------------------------------------------------------- */

Test(seed_errors, roles_and_rights)
{
    const char *role = pg_sql_unique(fixture.ctx, "loader");

    fixture.settings.role = role;
    pg_sql_execf(fixture.server, fixture.database,
                 "CREATE ROLE %s; REVOKE TEMPORARY ON DATABASE %s FROM PUBLIC;"
                 "GRANT ALL ON ALL TABLES IN SCHEMA public TO %s; GRANT CREATE ON SCHEMA public"
                 " TO %s",
                 role, fixture.database, role, role);
    assert_fault("01_product.csv", "id,title\n1,a\n",
                 mem_printf(fixture.ctx,
                            "1: table \"product\": permission denied to create temporary tables"
                            " in database \"%s\"",
                            fixture.database),
                 "42501");
    assert_hint("Rows are loaded through a temporary table: GRANT TEMPORARY ON DATABASE ... TO the"
                " role that seeds.");
    pg_sql_execf(fixture.server, fixture.database, "GRANT TEMPORARY ON DATABASE %s TO %s",
                 fixture.database, role);
    assert_fault("01_variant.csv", "id,product\n1,1\n",
                 "2: table \"variant\", row 1: insert or update on table \"variant\" violates"
                 " foreign key constraint \"variant_product_fkey\"",
                 "23503");
    cr_assert(seed_fixture_apply(&fixture, "01_product.csv", "id,title\n1,a\n"), "%s",
              seed_fixture_fault(&fixture));
    pg_sql_execf(fixture.server, fixture.database, "DROP OWNED BY %s; DROP ROLE %s", role, role);
}
