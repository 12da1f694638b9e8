/*
 * test_sql_words.c: what kind of statement it is.
 */
#include "catalog/sql_scan.h"
#include "catalog/sql_words.h"

#include <criterion/criterion.h>

#define SETS (SQL_SESSION | SQL_REPEATABLE)
#define CONCURRENT (SQL_NO_TRANSACTION | SQL_CONCURRENTLY)

static const struct {
    const char *sql;
    unsigned flags;
} cases[] = {
    {"SELECT 1", 0},
    {"BEGIN", SQL_TRANSACTION},
    {"begin isolation level serializable", SQL_TRANSACTION},
    {"START TRANSACTION", SQL_TRANSACTION},
    {"/* c */ Commit AND CHAIN", SQL_TRANSACTION},
    {"END", SQL_TRANSACTION},
    {"ABORT", SQL_TRANSACTION},
    {"ROLLBACK", SQL_TRANSACTION},
    {"ROLLBACK WORK", SQL_TRANSACTION},
    {"ROLLBACK PREPARED 'x'", SQL_TRANSACTION},
    {"ROLLBACK TO a", 0},
    {"ROLLBACK WORK TO SAVEPOINT a", 0},
    {"ROLLBACK TRANSACTION TO a", 0},
    {"SAVEPOINT a", 0},
    {"RELEASE a", 0},
    {"PREPARE TRANSACTION 'x'", SQL_TRANSACTION},
    {"PREPARE transaction AS SELECT 1", 0},
    {"PREPARE q AS SELECT 1", 0},
    {"COMMIT PREPARED 'x'", SQL_TRANSACTION},
    {"\"begin\"", 0},
    {"COPY t FROM stdin", SQL_COPY_STDIN},
    {"copy binary t from STDIN", SQL_COPY_STDIN},
    {"COPY a.\"from\" (b, \"c\") FROM stdout WITH (FORMAT csv)", SQL_COPY_STDIN},
    {"COPY a.from FROM/* c */stdin", SQL_COPY_STDIN},
    {"COPY t TO stdout", 0},
    {"COPY (SELECT 1 FROM stdin) TO stdout", 0},
    {"COPY t FROM 'f' WHERE a IS DISTINCT FROM stdin", 0},
    {"COPY t FROM PROGRAM 'x'", 0},
    {"VACUUM t", SQL_NO_TRANSACTION | SQL_REPEATABLE},
    {"ANALYZE", SQL_REPEATABLE},
    {"REINDEX INDEX i", SQL_REPEATABLE},
    {"REINDEX INDEX CONCURRENTLY i", SQL_REPEATABLE | CONCURRENT},
    {"REINDEX (VERBOSE, CONCURRENTLY) TABLE t", SQL_REPEATABLE | CONCURRENT},
    {"REINDEX (CONCURRENTLY false) TABLE t", SQL_REPEATABLE},
    {"REINDEX SCHEMA s", SQL_REPEATABLE | SQL_NO_TRANSACTION},
    {"CREATE INDEX i ON t (a)", 0},
    {"CREATE UNIQUE INDEX CONCURRENTLY i ON t (a)", SQL_REPEATABLE | CONCURRENT},
    {"CREATE INDEX CONCURRENTLY ON t (a)", CONCURRENT},
    {"CREATE INDEX CONCURRENTLY IF NOT EXISTS i ON t (a)", SQL_REPEATABLE | CONCURRENT},
    {"CREATE INDEX IF NOT EXISTS i ON t (a)", SQL_REPEATABLE},
    {"DROP INDEX CONCURRENTLY i", SQL_REPEATABLE | CONCURRENT},
    {"DROP INDEX i", 0},
    {"REFRESH MATERIALIZED VIEW CONCURRENTLY v", 0},
    {"CREATE TABLE t (a int)", 0},
    {"CREATE TABLE IF NOT EXISTS t (a int)", SQL_REPEATABLE},
    {"CREATE UNLOGGED TABLE IF NOT EXISTS t (a int)", SQL_REPEATABLE},
    {"CREATE TABLE \"if\" (not_exists int)", 0},
    {"CREATE FUNCTION f() RETURNS void AS 'DROP TABLE IF EXISTS t'", 0},
    {"DROP TABLE IF EXISTS t", SQL_REPEATABLE},
    {"DROP MATERIALIZED VIEW IF EXISTS v", SQL_REPEATABLE},
    {"DROP TABLE t", 0},
    {"CREATE DATABASE d", SQL_NO_TRANSACTION},
    {"DROP DATABASE IF EXISTS d", SQL_NO_TRANSACTION | SQL_REPEATABLE},
    {"CREATE TABLESPACE s LOCATION '/x'", SQL_NO_TRANSACTION},
    {"DROP TABLESPACE s", SQL_NO_TRANSACTION},
    {"ALTER SYSTEM SET a = 1", SQL_NO_TRANSACTION},
    {"ALTER DATABASE d SET TABLESPACE s", SQL_NO_TRANSACTION},
    {"ALTER DATABASE d SET work_mem = '1MB'", 0},
    {"ALTER TABLE t DETACH PARTITION s.p CONCURRENTLY", CONCURRENT},
    {"ALTER TABLE t DETACH PARTITION p", 0},
    {"ALTER TABLE t ADD COLUMN IF NOT EXISTS a int", SQL_REPEATABLE},
    {"ALTER TABLE IF EXISTS ONLY s.t * ADD IF NOT EXISTS a int", SQL_REPEATABLE},
    {"ALTER TABLE t ADD COLUMN IF NOT EXISTS a numeric(1,2), DROP IF EXISTS b", SQL_REPEATABLE},
    {"ALTER TABLE t DROP CONSTRAINT IF EXISTS c", SQL_REPEATABLE},
    {"ALTER TABLE t ADD COLUMN IF NOT EXISTS a int, ADD COLUMN b int", 0},
    {"ALTER TABLE IF EXISTS t ADD COLUMN a int", 0},
    {"ALTER TYPE t ADD VALUE IF NOT EXISTS 'a'", SQL_REPEATABLE},
    {"ALTER TYPE t ADD VALUE 'a'", 0},
    {"CALL p()", SQL_MAY_COMMIT},
    {"DO $$ BEGIN UPDATE t SET a = 1; Commit; END $$", SQL_MAY_COMMIT},
    {"DO LANGUAGE plpgsql 'BEGIN CALL p(); END'", SQL_MAY_COMMIT},
    {"DO LANGUAGE plpython3u $$ plpy.commit() $$", SQL_MAY_COMMIT},
    {"DO E'BEGIN \\103OMMIT; END'", SQL_MAY_COMMIT},
    {"DO $$ BEGIN UPDATE t SET a = 1; ROLLBACK; END $$", 0},
    {"DO $$ BEGIN PERFORM f(); END $$", 0},
    {"SET search_path = a, b", SETS},
    {"SET SESSION a.b TO 'c'", SETS},
    {"SET ROLE r", SETS},
    {"SET SESSION AUTHORIZATION r", SETS},
    {"SET Lock_Timeout = 1", SETS | SQL_LOCK_TIMEOUT},
    {"SET SESSION \"lock_timeout\" TO DEFAULT", SETS | SQL_LOCK_TIMEOUT},
    {"SET LOCAL search_path = a", 0},
    {"SET TRANSACTION READ ONLY", 0},
    {"SET CONSTRAINTS ALL DEFERRED", 0},
    {"RESET ALL", SETS},
    {"RESET lock_timeout", SETS | SQL_LOCK_TIMEOUT},
    {"SELECT set_config('search_path', 'a', false)", SETS},
    {"select pg_catalog.set_config ( 'lock_timeout', '1', FALSE )", SETS | SQL_LOCK_TIMEOUT},
    {"SELECT set_config('search_path', 'a', true)", 0},
    {"SELECT set_config('search_path', f(), false)", 0},
    {"SELECT set_config('search_path', 'a', false), f()", 0},
    {"SELECT pg_catalog", 0},
    {"DISCARD ALL", SQL_NO_TRANSACTION | SQL_DISCARD_ALL},
    {"DISCARD PLANS", 0},
    {"CLUSTER", SQL_NO_TRANSACTION},
    {"CLUSTER VERBOSE", SQL_NO_TRANSACTION},
    {"CLUSTER t USING i", 0},
    {"", 0},
    {"(", 0},
    {"COPY t (", 0},
    {"ALTER TABLE", 0},
};

Test(sql_words, flags)
{
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        cr_expect_eq(sql_words_flags(cases[i].sql, 0, strlen(cases[i].sql)), cases[i].flags, "%s",
                     cases[i].sql);
}

Test(sql_words, queries)
{
    static const char *const queries[] = {"SELECT 1",      "with a as (select 1) select",
                                          "VALUES (true)", "TABLE t",
                                          "((SELECT 1))",  "/* c */ select"};
    static const char *const others[] = {
        "INSERT INTO t VALUES (1)", "EXPLAIN SELECT 1", "\"select\"", "selects", "", "DO $$$$"};

    for (size_t i = 0; i < ARRAY_LEN(queries); i++)
        cr_expect(sql_words_is_query(queries[i], 0, strlen(queries[i])), "%s", queries[i]);
    for (size_t i = 0; i < ARRAY_LEN(others); i++)
        cr_expect_not(sql_words_is_query(others[i], 0, strlen(others[i])), "%s", others[i]);
}

Test(sql_words, counts_changes)
{
    static const char *const counting[] = {
        "INSERT INTO t SELECT 1",
        "/* c */ update t SET a = 1",
        "DELETE FROM t",
        "MERGE INTO t USING s ON true WHEN MATCHED THEN DELETE",
        "WITH a AS (SELECT 1) UPDATE t SET a = 1",
        "WITH RECURSIVE a (x) AS NOT MATERIALIZED (SELECT 1), b AS (DELETE FROM t) DELETE FROM u",
        "WITH select AS (SELECT 1), update AS (SELECT 1) DELETE FROM t",
        "WITH RECURSIVE a AS (SELECT 1) SEARCH DEPTH FIRST BY x, y SET z DELETE FROM t",
    };
    static const char *const others[] = {
        "SELECT f()",
        "WITH a AS (DELETE FROM t RETURNING 1) SELECT count(*) FROM a",
        "WITH update AS (SELECT 1) SELECT * FROM update",
        "CREATE TABLE t AS SELECT 1",
        "COPY t FROM stdin",
        "CALL p()",
        "TRUNCATE t",
        "DO $$$$",
        "WITH",
        "WITH a AS (",
        "",
    };

    for (size_t i = 0; i < ARRAY_LEN(counting); i++)
        cr_expect(sql_words_counts_changes(counting[i], 0, strlen(counting[i])), "%s", counting[i]);
    for (size_t i = 0; i < ARRAY_LEN(others); i++)
        cr_expect_not(sql_words_counts_changes(others[i], 0, strlen(others[i])), "%s", others[i]);
}
