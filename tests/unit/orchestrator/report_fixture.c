/*
 * report_fixture.c: a run made by hand.
 */
#include "tests/unit/orchestrator/report_fixture.h"

#include "common/mem.h"
#include "orchestrator/report_status.h"
#include "orchestrator/report_summary.h"
#include "orchestrator/report_text.h"

#include <criterion/criterion.h>

static const int64_t first_version = 36;
static const int64_t head = 40;

static void make_migration(struct report_fixture *fixture, size_t index, const char *name)
{
    struct migration *migration = &fixture->migrations[index];
    struct section *up = &migration->sections[SECTION_UP];

    migration->version = first_version + (int64_t)index;
    migration->name = name;
    migration->file = mem_printf(fixture->mem, "migrations/store/%04lld_%s.sql",
                                 (long long)migration->version, name);
    migration->index = index;
    migration->text = mem_printf(fixture->mem, "ALTER TABLE %s\n    ADD COLUMN a  text;\n", name);
    migration->len = strlen(migration->text);
    migration->directives.batch = DIRECTIVE_UNSET;
    up->present = true;
    up->statements = mem_array(fixture->mem, struct sql_statement, 1);
    up->statements[0].end = migration->len - 2;
    up->count = 1;
}

static void make_catalog(struct report_fixture *fixture)
{
    static const char *const names[FIXTURE_MIGRATIONS] = {"carts", "orders", "prices", "handles",
                                                          "index"};

    for (size_t i = 0; i < FIXTURE_MIGRATIONS; i++)
        make_migration(fixture, i, names[i]);
    fixture->migrations[4].directives.transaction_none = true;
    fixture->repeatable = (struct migration){
        .kind = MIGRATION_REPEATABLE,
        .name = "views",
        .file = "migrations/store/R_views.sql",
        .directives = {.batch = DIRECTIVE_UNSET},
    };
    fixture->release = (struct release){.name = "1.20.0", .last_version = head};
    fixture->seed = (struct seed_file){.name = "base/01_regions.json"};
    fixture->catalog = (struct catalog){
        .source = "migrations/store",
        .migrations = fixture->migrations,
        .count = FIXTURE_MIGRATIONS,
        .repeatables = &fixture->repeatable,
        .repeatable_count = 1,
        .releases = &fixture->release,
        .release_count = 1,
        .head = head,
        .checksum = mem_strdup(fixture->mem, "sha256:00aa"),
    };
}

static void make_fleet(struct report_fixture *fixture, size_t count)
{
    fixture->servers[0] = (struct server){.name = "eu1", .host = "db-eu1", .port = "5432"};
    fixture->servers[1] = (struct server){.name = "us1", .host = "db-us1", .port = "5432"};
    fixture->fleet = (struct fleet){
        .file = "fleet.yaml",
        .servers = fixture->servers,
        .server_count = 2,
        .tenants = mem_array(fixture->mem, struct tenant, count),
        .tenant_count = count,
        .fingerprint = mem_strdup(fixture->mem, "sha256:00bb"),
    };
    for (size_t i = 0; i < count; i++) {
        fixture->fleet.tenants[i] = (struct tenant){
            .name = mem_printf(fixture->mem, "store-%04zu", i + 1),
            .index = i,
            .server = &fixture->servers[i % 2],
            .database = mem_printf(fixture->mem, "store_%04zu", i + 1),
            .history_schema = "public",
        };
    }
}

void report_fixture_init(struct report_fixture *fixture, const char *operation, size_t tenants)
{
    const struct tenant **selected;
    bool migrates = strcmp(operation, "migrate") == 0 || strcmp(operation, "seed") == 0;

    *fixture = (struct report_fixture){.mem = mem_context(NULL)};
    make_catalog(fixture);
    make_fleet(fixture, tenants);
    selected = mem_array(fixture->mem, const struct tenant *, tenants);
    for (size_t i = 0; i < tenants; i++)
        selected[i] = &fixture->fleet.tenants[i];
    fixture->request = (struct run_request){
        .operation = operation,
        .fleet = &fixture->fleet,
        .plan = {.action = migrates ? JOB_MIGRATE : JOB_INSPECT,
                 .catalog = &fixture->catalog,
                 .run_id = "20261123T061500Z-4f2a",
                 .to_version = INT64_MAX,
                 .cancel_fd = -1},
        .tenants = selected,
        .tenant_count = tenants,
        .halts = migrates,
    };
    fixture->result = (struct run_result){
        .run_id = "20261123T061500Z-4f2a",
        .started_wall_ms = 1795414500000,
        .finished_wall_ms = 1795414541234,
        .duration_ms = 41234,
        .jobs = mem_array(fixture->mem, struct job, tenants),
        .job_count = tenants,
    };
    for (size_t i = 0; i < tenants; i++) {
        job_init(&fixture->result.jobs[i], &fixture->request.plan, selected[i]);
        report_fixture_ended(fixture, i, OUTCOME_CURRENT, head);
    }
    report_init(&fixture->report, &fixture->request, &fixture->result, 0);
    fixture->report.as_text = migrates ? report_summary : report_status;
    fixture->report.utf8 = true;
    snprintf(fixture->report.host, sizeof(fixture->report.host), "ops1");
}

void report_fixture_free(struct report_fixture *fixture)
{
    for (size_t i = 0; i < fixture->result.job_count; i++)
        job_release(&fixture->result.jobs[i]);
    talloc_free(fixture->mem);
}

struct job *report_fixture_ended(struct report_fixture *fixture, size_t index, enum outcome outcome,
                                 int64_t version)
{
    struct job *job = &fixture->result.jobs[index];

    job->outcome = outcome;
    job->attempt = 1;
    job->inspected = true;
    job->has_history = version > 0;
    job->initial_version = version;
    job->version = version;
    job->applied_count = version > 0 ? (size_t)version : 0;
    job->backend_pid = 4711;
    job->started_wall_ms = 1795414500250;
    job->duration_ms = 830;
    return job;
}

struct job *report_fixture_moved(struct report_fixture *fixture, size_t index, int64_t from,
                                 int64_t to)
{
    bool migrates = fixture->request.plan.action == JOB_MIGRATE;
    struct job *job = report_fixture_ended(
        fixture, index, migrates ? OUTCOME_MIGRATED : OUTCOME_PENDING, migrates ? to : from);

    job->initial_version = from;
    job->changed = migrates;
    for (int64_t version = from < first_version ? first_version : from + 1; version <= to;
         version++) {
        struct job_step *step = job_add_step(job);

        step->migration = &fixture->migrations[version - first_version];
        step->duration_ms = migrates ? 10 * (int64_t)(index + 1) : 0;
        step->statements = 1;
    }
    return job;
}

void report_fixture_duplicate(struct report_fixture *fixture, size_t index)
{
    static const char statement[] = "ALTER TABLE product\n    ADD UNIQUE (handle)";
    struct job *job = report_fixture_moved(fixture, index, 37, 38);

    job->outcome = OUTCOME_FAILED;
    err_set_at(&job->err, ERR_SQL, "migrations/store/0039_handles.sql", 4, 0,
               "duplicate key value violates unique constraint \"product_handle_key\"");
    err_sqlstate(&job->err, "23505");
    err_detail(&job->err, "Key (handle)=(shirt-%zu) already exists.", index);
    err_statement(&job->err, statement, strlen(statement));
}

void report_fixture_waves(struct report_fixture *fixture, struct wave *waves, size_t count)
{
    struct wave_plan *plan;
    struct err err = ERR_INIT;

    fixture->fleet.run.waves = fixture->request.config.waves = waves;
    fixture->fleet.run.wave_count = fixture->request.config.wave_count = count;
    cr_assert_eq(wave_plan_make(fixture->mem, &fixture->fleet.run, fixture->request.tenants,
                                fixture->request.tenant_count, (struct wave_history){.seed = 77},
                                &plan, &err),
                 0);
    fixture->request.waves = plan;
}

void report_fixture_count(struct report_fixture *fixture)
{
    memset(fixture->result.totals, 0, sizeof(fixture->result.totals));
    for (size_t i = 0; i < fixture->result.job_count; i++)
        fixture->result.totals[fixture->result.jobs[i].outcome]++;
}

char *report_fixture_text(struct report_fixture *fixture,
                          int (*print)(const struct report *report, FILE *out))
{
    char *bytes = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&bytes, &len);
    char *text;

    report_fixture_count(fixture);
    cr_assert_not_null(out);
    cr_assert_eq(print(&fixture->report, out), 0);
    fclose(out);
    text = mem_strndup(fixture->mem, bytes, len);
    free(bytes);
    return text;
}

static char *read_file(void *mem, const char *path)
{
    FILE *in = fopen(path, "r");
    struct strbuf text;
    char part[4096];
    size_t len;

    cr_assert_not_null(in, "%s is missing", path);
    strbuf_init(&text, mem);
    while ((len = fread(part, 1, sizeof(part), in)) > 0)
        strbuf_add(&text, part, len);
    fclose(in);
    return text.text;
}

void report_fixture_golden(const char *name, const char *text)
{
    void *mem = mem_context(NULL);
    char *path = mem_printf(mem, "tests/golden/%s", name);
    const char *mode = getenv("PGTIDE_GOLDEN");

    if (mode && strcmp(mode, "write") == 0) {
        FILE *out = fopen(path, "w");

        cr_assert_not_null(out);
        fputs(text, out);
        fclose(out);
    }
    cr_assert_str_eq(text, read_file(mem, path), "differs from %s:\n%s", path, text);
    talloc_free(mem);
}
