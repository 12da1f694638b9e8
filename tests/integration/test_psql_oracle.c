/*
 * test_psql_oracle.c: the lexer against psql itself.
 *
 * psql -f reads a file and sends it to a fake server; what arrives there must be, statement by
 * statement and COPY line by COPY line, what sql_scan finds in the file. Two differences are
 * psql's own and taken out before the comparison: it drops comments before a statement, and empty
 * lines within one.
 *
 * PGTIDE_ORACLE_FILES and PGTIDE_ORACLE_SEED choose how many random files, and which.
 */
#include "catalog/sql_scan.h"
#include "common/mem.h"
#include "tests/harness/fake_server.h"
#include "tests/harness/sql_text.h"
#include "tests/harness/tmpdir.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <glob.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

struct oracle {
    void *mem;
    const char *psql;
    struct fake_server *server;
    const char *folder; /* of the file that is compared */
    char *path;
    int compared;
    int refused;
    int statements;
    int copies;
};

/* The newest installed psql itself, not a wrapper that looks for it; NULL where there is none. */
static char *find_psql(void *mem)
{
    glob_t found;
    char *psql = NULL;

    if (getenv("PSQL"))
        return mem_strdup(mem, getenv("PSQL"));
    if (glob("/usr/lib/postgresql/*/bin/psql", 0, NULL, &found) == 0)
        psql = mem_strdup(mem, found.gl_pathv[found.gl_pathc - 1]);
    globfree(&found);
    if (!psql && access("/usr/bin/psql", X_OK) == 0)
        psql = mem_strdup(mem, "/usr/bin/psql");
    return psql;
}

static struct oracle oracle_open(void)
{
    struct oracle oracle = {.mem = mem_context(NULL)};

    oracle.psql = find_psql(oracle.mem);
    if (!oracle.psql) {
        talloc_free(oracle.mem);
        cr_skip_test("psql is not installed, nothing to compare with");
    }
    oracle.server = fake_server_open(oracle.mem);
    oracle.folder = tmpdir_new(oracle.mem);
    oracle.path = tmpdir_path(oracle.mem, oracle.folder, "file.sql");
    return oracle;
}

/* What psql sends for the file. */
static struct fake_recording ask_psql(const struct oracle *oracle, void *mem)
{
    char *where = mem_printf(mem,
                             "host=127.0.0.1 port=%d user=u dbname=d password=p sslmode=disable "
                             "gssencmode=disable connect_timeout=10",
                             fake_server_port(oracle->server));
    char psql[] = "psql", options[] = "-Xqf";
    char *argv[] = {psql, options, oracle->path, where, NULL};
    posix_spawn_file_actions_t actions;
    struct fake_recording recording;
    pid_t pid;
    int status;

    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0);
    posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0);
    cr_assert_eq(posix_spawn(&pid, oracle->psql, &actions, NULL, argv, environ), 0);
    posix_spawn_file_actions_destroy(&actions);
    cr_assert(fake_server_serve(oracle->server, mem, &recording), "psql did not talk to the end");
    cr_assert_eq(waitpid(pid, &status, 0), pid);
    return recording;
}

/* A copy without empty lines. */
static char *without_empty_lines(void *mem, const char *text, size_t len)
{
    char *copy = mem_strndup(mem, text, len);
    size_t to = 0;

    for (size_t from = 0; from < len; from++) {
        if (text[from] != '\n' || to == 0 || copy[to - 1] != '\n')
            copy[to++] = text[from];
    }
    copy[to] = '\0';
    return copy;
}

/* Says where the two part; the file is printed so that it can be kept as a test of its own. */
static void fail(const char *text, const char *what, const char *ours, const char *psqls)
{
    cr_assert_fail("%s\n--- pgtide:\n%s\n--- psql:\n%s\n--- file:\n%s", what, ours, psqls, text);
}

/* Bytes of the data: older versions of psql send the line "\\." that ends it too. */
static size_t data_length(const struct strbuf *data)
{
    size_t len = data->len;

    if (len >= 3 && strcmp(data->text + len - 3, "\\.\n") == 0 &&
        (len == 3 || data->text[len - 4] == '\n'))
        return len - 3;
    return len;
}

static void compare_statement(void *mem, const char *text, const struct sql_statement *ours,
                              const struct fake_query *psqls)
{
    const char *start = sql_text_skip_blank(psqls->sql);
    char *got = without_empty_lines(mem, start, strlen(start));
    char *want = without_empty_lines(mem, text + ours->start, ours->end - ours->start);
    size_t len = strlen(want);

    if (strncmp(got, want, len) != 0 || !sql_text_is_empty(got + len))
        fail(text, "another statement", want, got);
    if (psqls->copy != ((ours->flags & SQL_COPY_STDIN) != 0))
        fail(text, "COPY taken for something else", want, got);
    if (psqls->copy &&
        (ours->copy_end - ours->copy_start != data_length(&psqls->copy_data) ||
         memcmp(text + ours->copy_start, psqls->copy_data.text, data_length(&psqls->copy_data))))
        fail(text, "other COPY data", text + ours->copy_start, psqls->copy_data.text);
}

static void compare_all(struct oracle *oracle, void *mem, const char *text,
                        const struct sql_script *script)
{
    struct fake_recording recording = ask_psql(oracle, mem);
    size_t next = 0;

    for (size_t i = 0; i < recording.count; i++) {
        const struct fake_query *query = &recording.queries[i];

        if (sql_text_is_empty(query->sql))
            continue;
        if (next == script->count)
            fail(text, "a statement that pgtide does not see", "", query->sql);
        compare_statement(mem, text, &script->statements[next], query);
        oracle->copies += query->copy;
        next++;
    }
    if (next < script->count)
        fail(text, "a statement that psql does not send", text + script->statements[next].start,
             "");
    oracle->compared++;
    oracle->statements += (int)next;
}

/* Reasons for which a file may be refused: psql would send something unfinished, or act itself. */
static bool is_good_reason(const char *message)
{
    static const char *const reasons[] = {
        "unterminated ",
        "BEGIN without its END",
        "psql command ",
        "COPY ... FROM stdin without",
        "text behind COPY ... FROM stdin",
    };

    for (size_t i = 0; i < ARRAY_LEN(reasons); i++) {
        if (strncmp(message, reasons[i], strlen(reasons[i])) == 0)
            return true;
    }
    return false;
}

/* What pgtide calls unfinished is unfinished for psql: what is put behind it is a part of it. */
static void check_unfinished(struct oracle *oracle, void *mem, const char *text,
                             const struct err *err)
{
    static const char probe[] = "SELECT a_probe";
    struct fake_recording recording;

    tmpdir_write(oracle->folder, "file.sql", mem_printf(mem, "%s\n;\n%s\n;\n", text, probe));
    recording = ask_psql(oracle, mem);
    for (size_t i = 0; i < recording.count; i++) {
        const char *start = sql_text_skip_blank(recording.queries[i].sql);

        cr_assert_neq(strncmp(start, probe, strlen(probe)), 0, "line %d: %s, but not to psql:\n%s",
                      err->line, err->message, text);
    }
}

static void check_file(struct oracle *oracle, const char *text)
{
    void *mem = mem_context(NULL);
    struct sql_script script;
    struct err err = ERR_INIT;
    size_t len = strlen(text);

    if (sql_scan(mem, "file", text, 0, len, NULL, NULL, &script, &err) < 0) {
        cr_assert(is_good_reason(err.message), "refused: %s\n%s", err.message, text);
        if (strncmp(err.message, "unterminated ", 13) == 0 ||
            strcmp(err.message, "BEGIN without its END") == 0)
            check_unfinished(oracle, mem, text, &err);
        oracle->refused++;
        err_clear(&err);
    } else {
        tmpdir_write(oracle->folder, "file.sql", text);
        compare_all(oracle, mem, text, &script);
    }
    talloc_free(mem);
}

static int number_from(const char *name, int fallback)
{
    const char *value = getenv(name);

    return value ? (int)strtol(value, NULL, 10) : fallback;
}

Test(psql_oracle, random_files, .timeout = 600)
{
    struct oracle oracle = oracle_open();
    int files = number_from("PGTIDE_ORACLE_FILES", 300);
    uint64_t random = 0x9E3779B97F4A7C15u + (uint64_t)number_from("PGTIDE_ORACLE_SEED", 1);

    for (int i = 0; i < files; i++) {
        struct strbuf text;

        strbuf_init(&text, oracle.mem);
        sql_text_generate(&text, &random);
        check_file(&oracle, text.text);
        strbuf_release(&text);
    }
    cr_log_info("%d files compared, %d refused, %d statements, %d of them COPY", oracle.compared,
                oracle.refused, oracle.statements, oracle.copies);
    cr_assert_lt(oracle.refused * 10, files, "%d of %d files were refused", oracle.refused, files);
    cr_assert_gt(oracle.statements, files);
    cr_assert_gt(oracle.copies, files / 20);
    talloc_free(oracle.mem);
}

/* Each of these must be read, and as psql does. */
static const char *const files[] = {
    "SELECT 1",
    "SELECT 1;",
    ";;;",
    "\n\n-- nothing\n/* here */\n",
    "SELECT 1; SELECT 2;SELECT 3",
    "SELECT ';'; SELECT ''';'''; SELECT E'\\';';",
    "SELECT 'a'\n'b;c'\n-- between\n'd';",
    "SELECT $$;$$, $a$ $$;$$ $a$, $a$ $b$ ; $a$;",
    "SELECT $a$ $a $a$; SELECT 2;",
    "SELECT a$b$c; SELECT 1;",
    "SELECT $1$$;$$;",
    "/* ; /* ; */ ; */ SELECT 1 /* ; */;",
    "SELECT 1 --; no\n + 2;",
    "SELECT 1 +/* ; */ 2; SELECT 3*/* ; */4;",
    "SELECT (1; 2); SELECT 3);SELECT 4;",
    "CREATE RULE r AS ON INSERT TO t DO (DELETE FROM a; DELETE FROM b);",
    "CREATE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT 1; SELECT 2; END; SELECT 3;",
    "CREATE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT CASE WHEN a THEN 1 END; END;\nSELECT 1;",
    "create or replace procedure p() begin atomic begin; end; end; select 1;",
    "CREATE FUNCTION f() RETURNS int LANGUAGE sql RETURN CASE WHEN true THEN 1 END; SELECT 2;",
    "CREATE FUNCTION \"begin\"() RETURNS int AS 'begin;' LANGUAGE sql; SELECT 1;",
    "CREATE FUNCTION f(begin int) RETURNS int BEGIN ATOMIC SELECT 1; END; SELECT 2;",
    "CREATE FUNCTION f() BEGIN ATOMIC SELECT (case when begin then 1 end); END; SELECT 2;",
    "BEGIN; SELECT 1; END;",
    "CREATE TABLE begin (case_ int); SELECT 1;",
    "COPY t FROM stdin;\n1\n\\.\nSELECT 1;",
    "COPY t FROM stdin;\n\\.\n;SELECT 1;",
    "COPY a.\"b.c\".d (e) FROM stdin;\n\\.\nCOPY BINARY t FROM stdin;\n\\.\n",
    "COPY t (a,b) FROM stdin WITH (FORMAT csv);\n\"a;\n\",'\n\\.\nCOPY u FROM stdin;\nx\n\\.\n",
    "COPY t FROM 'f' WHERE a IS DISTINCT FROM stdin; SELECT 1;",
    "COPY t TO stdout; SELECT 1;",
    "SELEC 3; SELECT 4;",
    "SELECT :x, :'y;', :\"z;\", a::text, b[1:2]; SELECT 1;",
    "SELECT U&'\\0061;' UESCAPE '!', u&\"b;\", U& 1; SELECT 2;",
    "SELECT 'ünïcode; 日本', \"日本;\"; SELECT $ä$;$ä$;",
    "INSERT INTO t VALUES ('\n\n;\n\n'); SELECT $$\n\n;\n$$;",
    "SELECT 1\n\n\n;\n\n\nSELECT 2",
    "SELECT 1 /* to the end */ -- of file",
    "SELECT @-1, 1 =-1, a <-> b, a->>'b;'; SELECT -- - -\n1;",
    "SELECT 0x1F, 1_000, 1.5e-3, .5, 1..2; SELECT 2;",
    "DO $do$ BEGIN PERFORM ';'; END $do$;\nSELECT 1;",
    "SELECT 1\f;\vSELECT 2;-- comment\rSELECT 3;",
};

Test(psql_oracle, handwritten_files, .timeout = 60)
{
    struct oracle oracle = oracle_open();

    for (size_t i = 0; i < ARRAY_LEN(files); i++)
        check_file(&oracle, files[i]);
    cr_assert_eq(oracle.refused, 0, "%d files were refused", oracle.refused);
    cr_assert_eq(oracle.compared, (int)ARRAY_LEN(files));
    talloc_free(oracle.mem);
}
