/*
 * test_fleet_errors.c: what is refused, where, and with which advice.
 */
#include "tests/unit/config/config_fixture.h"

#include <criterion/criterion.h>

struct error_case {
    const char *text;
    const char *errors;
};

static void expect_all(const struct error_case *cases, size_t count)
{
    for (size_t i = 0; i < count; i++)
        fixture_expect(cases[i].text, cases[i].errors);
}

/* With a server and a tenant's start around the part in question. */
#define TENANT(rest) ONE_SERVER "tenants:\n- {name: a, server: s1, database: d" rest "}\n"
#define TENANTS "tenants: []\n"

Test(fleet_errors, the_file_as_a_whole)
{
    static const struct error_case cases[] = {
        {"", "1:1: the file is empty\n  hint: Type \"pgtide init\" for one to start from.\n"},
        {"# nothing\n",
         "1:1: the file is empty\n  hint: Type \"pgtide init\" for one to start from.\n"},
        {"- a\n", "1:1: the file must hold a map such as \"tenants: [...]\", not a list\n"},
        {"tenants\n", "1:1: the file must hold a map such as \"tenants: [...]\", not text\n"},
        {"seeds: x\n", "1:1: the file has no \"tenants\"\n"
                       "  hint: List the databases: \"tenants: [{name: ..., server: ..., "
                       "database: ...}]\".\n"},
        {"tenants: []\n---\ntenants: []\n", "2:1: a second YAML document starts here\n"},
        {"tenants:\n\t- a\n", "2:1: not valid YAML: found character that cannot start any token\n"
                              "  hint: YAML does not allow tabs for indentation: write blanks.\n"},
        {"connection: {password: ${X}}\n",
         "1:25: not valid YAML: did not find expected ',' or '}'\n"
         "  hint: Inside { } and [ ], put quotes around \"${NAME}\".\n"},
    };

    expect_all(cases, ARRAY_LEN(cases));
}

Test(fleet_errors, unknown_keys_with_the_nearest)
{
    static const struct error_case cases[] = {
        {TENANTS "migratons: x\n", "2:1: unknown key \"migratons\" in the top level\n"
                                   "  hint: Did you mean \"migrations\"?\n"},
        {TENANTS "colour: x\n", "2:1: unknown key \"colour\" in the top level\n"},
        {TENANTS "run: {per_sever: 1}\n", "2:7: unknown key \"per_sever\" in run\n"
                                          "  hint: Did you mean \"per_server\"?\n"},
        {TENANTS "settings: {retry: {atempts: 1}}\n", "2:20: unknown key \"atempts\" in retry\n"
                                                      "  hint: Did you mean \"attempts\"?\n"},
        {TENANTS "connection: {usr: x}\n", "2:14: unknown key \"usr\" in connection\n"
                                           "  hint: Did you mean \"user\"?\n"},
        {TENANTS "connection: {password_fiel: x}\n",
         "2:14: unknown key \"password_fiel\" in connection\n"
         "  hint: Did you mean \"password_file\"?\n"},
        {TENANTS "servers: {a: {hots: x}}\n", "2:15: unknown key \"hots\" in a server\n"},
        {TENANT(", lables: {}"), "3:38: unknown key \"lables\" in a tenant\n"
                                 "  hint: Did you mean \"labels\"?\n"},
        {TENANTS "? ''\n: x\n", "2:3: unknown key \"\" in the top level\n"},
    };

    expect_all(cases, ARRAY_LEN(cases));
}

Test(fleet_errors, keys_in_the_wrong_section)
{
    static const struct error_case cases[] = {
        {TENANTS "workers: 4\n",
         "2:1: unknown key \"workers\" in the top level\n  hint: It belongs under \"run:\".\n"},
        {TENANTS "run: {lock_wait: 4s}\n",
         "2:7: unknown key \"lock_wait\" in run\n  hint: It belongs under \"settings:\".\n"},
        {TENANTS "servers: {a: {user: x}}\n",
         "2:15: unknown key \"user\" in a server\n  hint: It belongs under \"connection:\".\n"},
        {TENANT(", create: schema"),
         "3:38: unknown key \"create\" in a tenant\n  hint: It belongs under \"settings:\".\n"},
    };

    expect_all(cases, ARRAY_LEN(cases));
}

Test(fleet_errors, keys_of_coming_versions)
{
    fixture_expect(TENANTS "settings: {history: {dialect: typeorm}}\n",
                   "2:22: \"dialect\" is not supported yet\n  hint: Leave \"dialect\" out.\n");
}

Test(fleet_errors, wrong_types)
{
    static const struct error_case cases[] = {
        {"tenants: {}\n", "1:10: \"tenants\" must be a list, not a map\n"},
        {"tenants: [[a]]\n", "1:11: a tenant must be a map, not a list\n"
                             "  hint: Write {name: ..., server: ..., database: ...}.\n"},
        {"tenants: [~]\n", "1:11: a tenant must be a map, not nothing\n"
                           "  hint: Write {name: ..., server: ..., database: ...}.\n"},
        {TENANTS "servers: [a]\n", "2:10: \"servers\" must be a map, not a list\n"},
        {TENANTS "migrations: [a]\n",
         "2:13: \"migrations\" must be text or a number, not a list\n"},
        {TENANTS "run: 5\n", "2:6: \"run\" must be a map, not text\n"},
        {TENANTS "connection: {password: [secret]}\n",
         "2:24: \"password\" must be text or a number, not a list\n"},
        {TENANT(", labels: [a]"), "3:46: \"labels\" must be a map, not a list\n"},
        {TENANT(", labels: {a: {b: c}}"), "3:50: \"a\" must be text or a number, not a map\n"},
        {TENANT(", seeds: base"), "3:45: \"seeds\" must be a list, not text\n"},
        {TENANTS "connection: {password_command: pass}\n",
         "2:32: \"password_command\" must be a list, not text\n"},
    };

    expect_all(cases, ARRAY_LEN(cases));
}

Test(fleet_errors, nothing_where_something_should_be)
{
    static const struct error_case cases[] = {
        {TENANTS "migrations:\n", "2:12: \"migrations\" has no value\n"
                                  "  hint: Give it one, or leave it out; empty text is written "
                                  "\"\".\n"},
        {TENANTS "migrations: ''\n", "2:13: \"migrations\" must not be empty\n"},
        {TENANTS "settings: ~\n", "2:11: \"settings\" has no value\n"
                                  "  hint: Give it one, or leave it out; an empty map is written "
                                  "{}.\n"},
        {"tenants:\n", "1:9: \"tenants\" has no value\n"
                       "  hint: Give it one, or leave it out; an empty list is written [].\n"},
        {TENANT(", vars: {x: null}"), "3:48: \"x\" has no value\n"
                                      "  hint: Give it one, or leave it out; empty text is "
                                      "written \"\".\n"},
        {TENANT(", schema: ''"), "3:46: \"schema\" must not be empty\n"},
    };

    expect_all(cases, ARRAY_LEN(cases));
}

Test(fleet_errors, numbers_durations_sizes_and_choices)
{
    static const struct error_case cases[] = {
        {TENANTS "run: {workers: 0, per_server: 1025}\n",
         "2:16: \"workers\" must be a whole number from 1 to 1024, not \"0\"\n"
         "2:31: \"per_server\" must be a whole number from 1 to 1024, not \"1025\"\n"},
        {TENANTS "run: {require_bundle: True}\n",
         "2:23: \"require_bundle\" must be false or true, not \"True\"\n  hint: Did you mean "
         "\"true\"?\n"},
        {TENANTS "run: {max_failures: 5 %, max_held: -1}\n",
         "2:21: \"max_failures\" must be a whole number such as 3, or a share such "
         "as 5%, not \"5 %\"\n"
         "2:36: \"max_held\" must be a whole number such as 3, or a share such as "
         "5%, not \"-1\"\n"},
        {TENANTS "settings: {lock_wait: 10}\n",
         "2:23: \"lock_wait\" must be a duration such as 500ms, 10s, 5m or 4h, not \"10\"\n"
         "  hint: Write the unit too: 10s for seconds, 10ms for milliseconds.\n"},
        {TENANTS "settings: {lock_timeout: soon}\n",
         "2:26: \"lock_timeout\" must be a duration such as 500ms, 10s, 5m or 4h, not \"soon\"\n"},
        {TENANTS "settings: {lock_timeout: 25d}\n",
         "2:26: \"lock_timeout\" must be at most 24d, not \"25d\"\n"},
        {TENANTS "settings: {create: scheme, nonempty: yes}\n",
         "2:20: \"create\" must be none, schema or database, not \"scheme\"\n"
         "  hint: Did you mean \"schema\"?\n"
         "2:38: \"nonempty\" must be refuse or allow, not \"yes\"\n"},
        {TENANTS "settings: {retry: {attempts: 0}}\n",
         "2:30: \"attempts\" must be a whole number from 1 to 100, not \"0\"\n"},
        {TENANT(", state: suspend"),
         "3:45: \"state\" must be active or suspended, not \"suspend\"\n"
         "  hint: Did you mean \"suspended\"?\n"},
        {TENANTS "connection: {pooler: pgbouncer}\n",
         "2:22: \"pooler\" must be auto, none, session or transaction, not \"pgbouncer\"\n"},
    };

    expect_all(cases, ARRAY_LEN(cases));
}

Test(fleet_errors, long_values_are_shortened_in_messages)
{
    fixture_expect(TENANTS
                   "run:\n  workers: 1234567890123456789012345678901234567890123456789012345"
                   "678901234567890\n",
                   "3:12: \"workers\" must be a whole number from 1 to 1024, not "
                   "\"123456789012345678901234567890123456789012345678901234567890...\"\n");
}

Test(fleet_errors, names)
{
    static const struct error_case cases[] = {
        {ONE_SERVER "tenants: [{name: \"a\\nb\", server: s1, database: d}]\n",
         "2:18: \"name\" has a control character\n"},
        {ONE_SERVER "tenants: [{name: '', server: s1, database: d}]\n",
         "2:18: \"name\" must not be empty\n"},
        {ONE_SERVER "tenants: [{server: s1, database: d}]\n",
         "2:11: the tenant has no \"name\"\n  hint: Give every tenant a name of its own.\n"},
        {TENANTS "servers: {? \"\\e\" : {}}\n",
         "2:13: \"the name of a server\" has a control character\n"},
        {TENANT(", schema: aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeeeeeffffffffff1234"),
         "3:46: \"schema\" is longer than PostgreSQL's limit of 63 bytes\n"},
        {TENANT(", vars: {Currency: 1, 1a: 1, a-b: 1, tenant: 1, run: 1, batch: 1, ok_1: 1}"),
         "3:45: \"Currency\" is not a name for a variable\n"
         "  hint: Names of vars are made of a-z, 0-9 and _, and do not start with a digit.\n"
         "3:58: \"1a\" is not a name for a variable\n"
         "  hint: Names of vars are made of a-z, 0-9 and _, and do not start with a digit.\n"
         "3:65: \"a-b\" is not a name for a variable\n"
         "  hint: Names of vars are made of a-z, 0-9 and _, and do not start with a digit.\n"
         "3:73: the variable \"tenant\" is set by pgtide\n  hint: Choose another name.\n"
         "3:84: the variable \"run\" is set by pgtide\n  hint: Choose another name.\n"
         "3:92: the variable \"batch\" is set by pgtide\n  hint: Choose another name.\n"},
        {TENANT(", labels: {a=b: 1}"), "3:47: the label \"a=b\" has \"=\" in its name\n"
                                       "  hint: Labels are selected by --label KEY=VALUE.\n"},
        {TENANT(", seeds: [base, ../x, .., base]"),
         "3:52: a seed set is the name of a folder in seeds, not \"../x\"\n"
         "3:58: a seed set is the name of a folder in seeds, not \"..\"\n"
         "3:62: the seed set \"base\" is named twice\n"},
    };

    expect_all(cases, ARRAY_LEN(cases));
}

Test(fleet_errors, places_of_tenants)
{
    static const struct error_case cases[] = {
        {"tenants: [{name: a}]\n",
         "1:11: the tenant has no place\n  hint: Give it server and database, or dsn.\n"},
        {ONE_SERVER "tenants: [{name: a, server: s1}]\n", "2:11: the tenant has no \"database\"\n"},
        {"tenants: [{name: a, database: d}]\n",
         "1:11: the tenant has no \"server\"\n"
         "  hint: Give it one of servers:, or dsn instead of database.\n"},
        {ONE_SERVER "tenants: [{name: a, server: s1, dsn: 'dbname=x'}]\n",
         "2:33: \"dsn\" and \"server\" cannot both be given\n"
         "  hint: Give either dsn, or server and database.\n"},
        {"tenants: [{name: a, database: x, dsn: 'dbname=x'}]\n",
         "1:34: \"dsn\" and \"database\" cannot both be given\n"
         "  hint: Give either dsn, or server and database.\n"},
        {"servers: {eu1: {}, us1: {}}\ntenants: [{name: a, server: eu2, database: d}]\n",
         "2:29: no server \"eu2\" in servers\n  hint: Did you mean \"eu1\"?\n"},
        {"tenants: [{name: a, server: eu2, database: d}]\n",
         "1:29: no server \"eu2\" in servers\n"
         "  hint: List it: \"servers: {eu2: {host: ..., port: ...}}\".\n"},
    };

    expect_all(cases, ARRAY_LEN(cases));
}

/* A server that has errors of its own is still there for its tenants. */
Test(fleet_errors, one_mistake_gives_one_error)
{
    static const struct error_case cases[] = {
        {"servers: {s1: {port: x}}\ntenants: [{name: a, server: s1, database: d}]\n",
         "1:22: \"port\" must be a whole number from 1 to 65535\n"},
        {"servers: {s1: ~}\ntenants: [{name: a, server: s1, database: d}]\n",
         "1:15: \"s1\" has no value\n"
         "  hint: Give it one, or leave it out; an empty map is written {}.\n"},
        {ONE_SERVER "tenants: [{name: [], server: s1, database: d}]\n",
         "2:18: \"name\" must be text or a number, not a list\n"},
        {ONE_SERVER "tenants: [{name: a, server: *x, database: d}]\n",
         "2:29: this alias names no anchor before it\n"
         "  hint: Put quotes around a value that starts with \"*\".\n"},
        {ONE_SERVER "tenants: [{name: a, dsn: *x}]\n",
         "2:26: this alias names no anchor before it\n"
         "  hint: Put quotes around a value that starts with \"*\".\n"},
    };

    expect_all(cases, ARRAY_LEN(cases));
}

/* What an alias brings a thousand times is one mistake at one place. */
Test(fleet_errors, a_mistake_behind_an_anchor_is_told_once)
{
    fixture_expect(ONE_SERVER "tenants:\n"
                              "- &a {name: a, server: s1, database: a, lables: {}}\n"
                              "- {<<: *a, name: b, database: b}\n"
                              "- {<<: *a, name: c, database: c}\n",
                   "3:41: unknown key \"lables\" in a tenant\n"
                   "  hint: Did you mean \"labels\"?\n");
}

Test(fleet_errors, the_same_tenant_twice)
{
    static const struct error_case cases[] = {
        {TENANT("") "- {name: a, server: s1, database: e}\n", "4:10: duplicate tenant \"a\"\n"},
        {TENANT("") "- {name: b, server: s1, database: d}\n",
         "4:3: tenants \"a\" and \"b\" are the same database\n"},
        {TENANT(", schema: public") "- {name: b, server: s1, database: d}\n",
         "4:3: tenants \"a\" and \"b\" are the same database\n"},
        {TENANT(", schema: x") "- {name: b, server: s1, database: d, schema: x}\n",
         "4:3: tenants \"a\" and \"b\" are the same database and schema\n"},
        {TENANT("") "- {name: b, dsn: 'postgresql://H1:5432/d'}\n",
         "4:3: tenants \"a\" and \"b\" are the same database\n"},
        {"tenants:\n- {name: a, dsn: 'postgresql://x/d'}\n- {name: b, dsn: 'host=x dbname=d'}\n",
         "3:3: tenants \"a\" and \"b\" are the same database\n"},
        {"servers: {s1: {host: h}, s2: {host: h}}\ntenants:\n"
         "- {name: a, server: s1, database: d}\n- {name: b, server: s2, database: d}\n",
         "4:3: tenants \"a\" and \"b\" are the same database\n"},
        {TENANT(", settings: {history: {schema: x}}") "- {name: b, server: s1, database: d, "
                                                      "schema: x}\n",
         "4:3: tenants \"a\" and \"b\" would share the history table \"x.pgtide_history\" of one "
         "database\n"},
    };

    expect_all(cases, ARRAY_LEN(cases));
}

Test(fleet_errors, variables)
{
    static const struct error_case cases[] = {
        {TENANTS "migrations: ${PGTIDE_TEST_NONE}/${PGTIDE_TEST_NO}\n",
         "2:13: the variable \"PGTIDE_TEST_NO\" is not set\n"
         "  hint: Set it in the environment, or write ${PGTIDE_TEST_NO:-default}.\n"
         "2:13: the variable \"PGTIDE_TEST_NONE\" is not set\n"
         "  hint: Set it in the environment, or write ${PGTIDE_TEST_NONE:-default}.\n"},
        {TENANTS "migrations: ${X\n",
         "2:13: this value has a malformed variable\n"
         "  hint: Write ${NAME} or ${NAME:-default}; a dollar sign alone is $$.\n"},
        {TENANTS "migrations: ${}\n",
         "2:13: this value has a malformed variable\n"
         "  hint: Write ${NAME} or ${NAME:-default}; a dollar sign alone is $$.\n"},
        {TENANTS "migrations: ${A-b}\n",
         "2:13: this value has a malformed variable\n"
         "  hint: Write ${NAME} or ${NAME:-default}; a dollar sign alone is $$.\n"},
        {TENANTS "run:\n  workers: ${PGTIDE_TEST_NONE:-many}\n",
         "3:12: \"workers\" must be a whole number from 1 to 1024, not "
         "\"${PGTIDE_TEST_NONE:-many}\"\n"},
    };

    expect_all(cases, ARRAY_LEN(cases));
}

Test(fleet_errors, connection_parameters)
{
    static const struct error_case cases[] = {
        {TENANTS "connection: {dbname: x}\n",
         "2:14: \"dbname\" cannot be given here\n  hint: Write database: in the tenant.\n"},
        {TENANTS "connection: {application_name: x}\n",
         "2:14: \"application_name\" cannot be given here\n"
         "  hint: pgtide sets it to the run and the tenant: leave it out.\n"},
        {TENANT(", connection: {host: x}"),
         "3:51: \"host\" cannot be given here\n"
         "  hint: Name a server: with this host, or use dsn: instead.\n"},
        {TENANTS "connection: {sslmode: prefered, connect_timeout: 1s, port: '0'}\n",
         "2:23: \"sslmode\" has a value that libpq does not know\n"
         "  hint: Did you mean \"prefer\"?\n"
         "2:50: \"connect_timeout\" must be a whole number\n"
         "2:60: \"port\" must be a whole number from 1 to 65535\n"},
        {TENANTS "connection: {client_encoding: LATIN1}\n",
         "2:31: \"client_encoding\" must be UTF8\n"
         "  hint: The files are in UTF-8, whatever the database's own encoding is, which the "
         "server converts to. Leave it out.\n"},
        {TENANTS "connection: {password: a, password_file: b}\n",
         "2:27: \"password_file\" and \"password\" cannot both be given\n"
         "2:42: cannot read password file \"inv/b\": No such file or directory\n"},
        {TENANT(", connection: {password_command: [x]}"),
         "3:69: \"password_command\" is for the whole fleet\n"
         "  hint: Move it to connection: at the top level, or use password_file: here.\n"},
        {TENANTS "connection: {password_command: []}\n",
         "2:32: \"password_command\" names no program\n"},
    };

    expect_all(cases, ARRAY_LEN(cases));
}

Test(fleet_errors, connection_strings)
{
    static const struct error_case cases[] = {
        {"tenants: [{name: a, dsn: 'host=x dbnam=d'}]\n",
         "1:26: unknown connection parameter in \"dsn\"\n  hint: Did you mean \"dbname\"?\n"},
        {"tenants: [{name: a, dsn: 'postgresql://h/d?sslmod=require'}]\n",
         "1:26: unknown connection parameter in \"dsn\"\n  hint: Did you mean \"sslmode\"?\n"},
        {"tenants: [{name: a, dsn: 'postgresql://h'}]\n",
         "1:26: \"dsn\" names no database\n  hint: Write postgresql://HOST:PORT/DATABASE.\n"},
        {"tenants: [{name: a, dsn: 'dbname=d replication=database'}]\n",
         "1:26: \"dsn\" asks for a replication connection\n"},
        {"tenants: [{name: a, dsn: 'postgresql://h:x/d'}]\n",
         "1:26: \"port\" must be a whole number from 1 to 65535\n"},
        {ONE_SERVER "tenants: [{name: a, server: s1, database: d, direct_dsn: 'host'}]\n",
         "2:58: \"direct_dsn\" is not a valid connection string\n"
         "  hint: Write postgresql://HOST:PORT/DATABASE; in a URI, special characters of a "
         "password are written as %XX.\n"},
    };

    expect_all(cases, ARRAY_LEN(cases));
}

/* Each of these makes libpq or YAML complain; none of the complaints may quote the secret. */
Test(fleet_errors, passwords_are_never_quoted)
{
    static const char *const texts[] = {
        "tenants: [{name: a, dsn: 'postgresql://u:Tr0ub4%zzTr0ub4@h/d'}]\n",
        "tenants: [{name: a, dsn: 'postgresql://u:Tr0ub4:Tr0ub4@[h/d'}]\n",
        "tenants: [{name: a, dsn: 'host=h password=x Tr0ub4'}]\n",
        "tenants: [{name: a, dsn: 'host=h password=x Tr0ub4=1'}]\n",
        "tenants: [{name: a, dsn: 'host=h password=''Tr0ub4'}]\n",
        "tenants: [{name: a, dsn: 'postgresql://h/d?password=x&Tr0ub4=y'}]\n",
        "tenants: [{name: a, dsn: 'postgresql://h/?password=Tr0ub4'}]\n",
        "tenants: []\nconnection: {password: 'Tr0ub4${'}\n",
        "tenants: []\nconnection: {password: ['Tr0ub4']}\n",
        "tenants: []\nconnection: {password: {Tr0ub4: 1}}\n",
        "tenants: []\nconnection:\n  password: Tr0ub4\n  sslmode: x\n",
        "tenants: []\nconnection:\n  password: Tr0ub4\n  password: Tr0ub4\n",
        "tenants: []\nconnection: {password: Tr0ub4, password_command: [a, Tr0ub4]}\n",
        "tenants: []\nconnection: {password: 'Tr0ub4: x: }\n",
        "tenants: []\nconnection:\n  password: Tr0ub4: x\n",
        "tenants: []\nconnection:\n  password: \"Tr0ub4\\q\"\n",
        "tenants: []\nconnection:\n  password: *Tr0ub4\n",
        "tenants: []\nconnection:\n  password: @Tr0ub4\n",
        "tenants: []\nconnection:\n  password: !Tr0ub4\n",
        "tenants: []\nconnection:\n  password: &Tr0ub4\n",
        "tenants: []\nconnection:\n  password: &a [*a, Tr0ub4]\n",
    };

    for (size_t i = 0; i < ARRAY_LEN(texts); i++)
        cr_expect_null(strstr(fixture_errors(texts[i]), "Tr0ub4"), "of %s: %s", texts[i],
                       fixture_errors(texts[i]));
}

Test(fleet_errors, all_errors_of_a_file_in_its_order)
{
    fixture_expect("migratons: migrations\n"                                /* 1 */
                   "ledger: ledger.db\n"                                    /* 2 */
                   "connection:\n"                                          /* 3 */
                   "  usr: migrator\n"                                      /* 4 */
                   "  sslmode: prefered\n"                                  /* 5 */
                   "settings:\n"                                            /* 6 */
                   "  lock_wait: 10\n"                                      /* 7 */
                   "  retry: {attempts: none}\n"                            /* 8 */
                   "run: {workers: 0, max_failures: lots}\n"                /* 9 */
                   "servers:\n"                                             /* 10 */
                   "  eu1: {host: h1, port: 123456}\n"                      /* 11 */
                   "  eu1: {host: h2}\n"                                    /* 12 */
                   "tenants:\n"                                             /* 13 */
                   "  - {name: a, server: eu2, database: d}\n"              /* 14 */
                   "  - {name: a, server: eu1, database: e}\n"              /* 15 */
                   "  - {name: b, server: eu1, database: e}\n"              /* 16 */
                   "  - {name: c, server: eu1, state: off}\n"               /* 17 */
                   "  - {name: d, server: eu1, database: '${PGTIDE_NO}'}\n" /* 18 */
                   "  - {name: e, dsn: 'dbname=x', vars: {run: 1}}\n",      /* 19 */
                   "1:1: unknown key \"migratons\" in the top level\n"
                   "  hint: Did you mean \"migrations\"?\n"
                   "2:9: \"ledger\" is not a valid connection string\n"
                   "  hint: Write postgresql://HOST:PORT/DATABASE; in a URI, special characters "
                   "of a password are written as %XX.\n"
                   "4:3: unknown key \"usr\" in connection\n"
                   "  hint: Did you mean \"user\"?\n"
                   "5:12: \"sslmode\" has a value that libpq does not know\n"
                   "  hint: Did you mean \"prefer\"?\n"
                   "7:14: \"lock_wait\" must be a duration such as 500ms, 10s, 5m or 4h, not "
                   "\"10\"\n"
                   "  hint: Write the unit too: 10s for seconds, 10ms for milliseconds.\n"
                   "8:21: \"attempts\" must be a whole number from 1 to 100, not \"none\"\n"
                   "9:16: \"workers\" must be a whole number from 1 to 1024, not \"0\"\n"
                   "9:33: \"max_failures\" must be a whole number such as 3, or a share such as "
                   "5%, not \"lots\"\n"
                   "11:25: \"port\" must be a whole number from 1 to 65535\n"
                   "12:3: duplicate key \"eu1\"\n"
                   "14:23: no server \"eu2\" in servers\n"
                   "  hint: Did you mean \"eu1\"?\n"
                   "15:12: duplicate tenant \"a\"\n"
                   "16:5: tenants \"a\" and \"b\" are the same database\n"
                   "17:5: the tenant has no \"database\"\n"
                   "17:35: \"state\" must be active or suspended, not \"off\"\n"
                   "18:38: the variable \"PGTIDE_NO\" is not set\n"
                   "  hint: Set it in the environment, or write ${PGTIDE_NO:-default}.\n"
                   "19:39: the variable \"run\" is set by pgtide\n"
                   "  hint: Choose another name.\n");
}
