/*
 * shared_run.c: joining, turns, leaving.
 */
#include "orchestrator/shared_run.h"

#include "common/mem.h"
#include "common/strbuf.h"
#include "orchestrator/ledger_json.h"
#include "orchestrator/ledger_lock.h"
#include "orchestrator/report_value.h"
#include "orchestrator/run_hooks.h"
#include "orchestrator/shared_frame.h"
#include "orchestrator/shared_hearing.h"
#include "orchestrator/shared_layout.h"
#include "orchestrator/shared_sql.h"
#include "orchestrator/shared_terms.h"

#include <ctype.h>
#include <sys/random.h>
#include <unistd.h>

struct shared_run {
    struct ledger_db *db;
    const char *run;
    const char *member;
    const char *host;
    const struct wave_plan *waves; /* for the rules of a halt */
    size_t wave_count;
    size_t server_count;
    int64_t lease_ms;
    size_t *groups; /* by job */
    bool created;
    bool over;
    bool behind;               /* has joined, and not heard yet what had ended before */
    bool left;                 /* is no member any more */
    size_t others;             /* members alive besides this one */
    struct shared_place heard; /* how far its news have come */
    void *news_mem;
};

bool shared_run_created(const struct shared_run *run)
{
    return run->created;
}

bool shared_run_is_over(const struct shared_run *run)
{
    return run->over;
}

int64_t shared_run_lease_ms(const struct shared_run *run)
{
    return run->lease_ms;
}

const size_t *shared_run_groups(const struct shared_run *run)
{
    return run->groups;
}

const char *shared_run_member(const struct shared_run *run)
{
    return run->member;
}

size_t shared_run_others(const struct shared_run *run)
{
    return run->others;
}

int shared_run_check_name(const char *name, struct err *err)
{
    static const char others[] = "._-";
    size_t len = strlen(name);
    bool fits = len > 0 && len <= SHARED_RUN_NAME_MOST && isalnum((unsigned char)name[0]);

    for (size_t i = 0; i < len; i++)
        fits = fits && (isalnum((unsigned char)name[i]) || strchr(others, name[i]));
    if (fits)
        return 0;
    err_set(err, ERR_USAGE, "\"%s\" cannot be the name of a run", name);
    err_hint(err,
             "Use up to %d letters, digits, dots, underscores and hyphens, as in "
             "--run release-1.20.",
             SHARED_RUN_NAME_MOST);
    return -1;
}

/* --- a turn: what is told ----------------------------------------------------------------- */

/* As an array of PostgreSQL. */
static char *sizes_text(void *mem, const size_t *sizes, size_t count)
{
    struct strbuf text;

    strbuf_init(&text, mem);
    strbuf_char(&text, '{');
    for (size_t i = 0; i < count; i++)
        strbuf_printf(&text, "%s%zu", i > 0 ? "," : "", sizes[i]);
    strbuf_char(&text, '}');
    return text.text;
}

/* The positions of those that are set. */
static char *flags_text(void *mem, const bool *flags, size_t count)
{
    struct strbuf text;

    strbuf_init(&text, mem);
    for (size_t i = 0; flags && i < count; i++) {
        if (flags[i])
            strbuf_printf(&text, "%s%zu", text.len > 0 ? "," : "", i);
    }
    return mem_printf(mem, "{%s}", text.text);
}

static json_t *end_value(const struct shared_end *end)
{
    json_t *value = report_value_object();

    report_value_set(value, "tenant", report_value_int((int64_t)end->job));
    report_value_set(value, "outcome", report_value_text(outcome_name(end->outcome)));
    report_value_set(value, "good", report_value_int(end->good));
    report_value_set(value, "result", report_value_text(end->result));
    return value;
}

static char *ends_text(void *mem, const struct shared_ask *ask)
{
    json_t *rows = report_value_array();

    for (size_t i = 0; i < ask->end_count; i++)
        report_value_append(rows, end_value(&ask->ends[i]));
    return ledger_json_write(mem, rows);
}

static json_t *wave_value(size_t position, const struct shared_wave *wave)
{
    json_t *value = report_value_object();

    report_value_set(value, "wave", report_value_int((int64_t)position));
    report_value_set(value, "state", report_value_text(shared_frame_wave_name(wave->state)));
    report_value_set(value, "started", report_value_int(wave->started_wall_ms));
    report_value_set(value, "finished", report_value_int(wave->finished_wall_ms));
    report_value_set(value, "soak", report_value_int(wave->soak_left_ms));
    return value;
}

static char *waves_text(void *mem, const struct shared_run *run, const struct shared_wave *waves)
{
    json_t *rows = report_value_array();

    for (size_t i = 0; i < run->wave_count; i++)
        report_value_append(rows, wave_value(i, &waves[i]));
    return ledger_json_write(mem, rows);
}

/* --- a turn: the whole -------------------------------------------------------------------- */

enum {
    STATEMENTS_MOST = 24,
    PARAMS_MOST = 8,
    PIECE_MOST = 1000, /* ends that are heard in one statement: about 300 KB */
};

/* The statements of one transaction, with their parameters. */
struct turn {
    struct shared_run *run;
    void *mem;
    struct ledger_statement statements[STATEMENTS_MOST];
    struct ledger_value params[STATEMENTS_MOST][PARAMS_MOST];
    size_t count;
};

/* Appends a statement: run and member, as far as `param_count` goes, then `more`. */
static struct ledger_statement *add(struct turn *turn, const char *sql, size_t param_count,
                                    const struct ledger_value *more)
{
    struct ledger_statement *statement = &turn->statements[turn->count];
    struct ledger_value *params = turn->params[turn->count++];

    params[0] = ledger_db_text(turn->run->run);
    params[1] = ledger_db_text(turn->run->member);
    for (size_t i = 2; i < param_count; i++)
        params[i] = more[i - 2];
    *statement =
        (struct ledger_statement){.sql = sql, .params = params, .param_count = param_count};
    return statement;
}

static void add_asking(struct turn *turn, const char *sql, size_t param_count, ledger_row_fn *row,
                       struct shared_hearing *hearing)
{
    struct ledger_statement *statement = add(turn, sql, param_count, NULL);

    statement->row = row;
    statement->arg = hearing;
}

/* Renews the leases. */
static void add_presence(struct turn *turn, const struct shared_ask *ask, int64_t lease_ms)
{
    const struct shared_run *run = turn->run;
    const struct ledger_value lease = ledger_db_int(lease_ms);
    const struct ledger_value more[] = {
        ledger_db_text(run->host),
        ledger_db_int(getpid()),
        lease,
        ledger_db_text(flags_text(turn->mem, ask->down, run->server_count)),
    };
    struct ledger_statement *renew;

    add(turn, shared_sql_member, 6, more);
    renew = add(turn, ledger_lock_renew_sql, 2, NULL);
    turn->params[turn->count - 1][1] = lease;
    renew->param_count = 2;
}

static bool all_good(const struct shared_ask *ask)
{
    for (size_t i = 0; i < ask->end_count; i++) {
        if (!ask->ends[i].good)
            return false;
    }
    return true;
}

/* What has ended here, and what follows from it. */
static void add_ends(struct turn *turn, const struct shared_ask *ask)
{
    if (ask->end_count > 0) {
        const struct ledger_value ends = ledger_db_text(ends_text(turn->mem, ask));

        add(turn, shared_sql_ends, 3, &ends);
    }
    if (!all_good(ask)) {
        add(turn, shared_sql_halt, 1, NULL);
        add(turn, shared_sql_leave_out, 1, NULL);
        add(turn, shared_sql_cancel, 1, NULL);
        add(turn, shared_sql_drop, 1, NULL);
    }
}

/* NULL: of none. */
static struct ledger_value position(size_t group)
{
    return group == WAVE_PLAN_NONE ? ledger_db_null() : ledger_db_int((int64_t)group);
}

static void add_conducting(struct turn *turn, const struct shared_ask *ask)
{
    const struct shared_run *run = turn->run;

    if (ask->waves) {
        const struct ledger_value waves = ledger_db_text(waves_text(turn->mem, run, ask->waves));

        add(turn, shared_sql_waves, 3, &waves);
    }
    if (ask->halt) {
        const struct ledger_value more[] = {
            ledger_db_text(ask->halt->rule),
            position(wave_plan_find(run->waves, ask->halt->wave)),
        };

        add(turn, shared_sql_stop, 4, more);
        add(turn, shared_sql_cancel, 1, NULL);
    }
    add(turn, ask->leaving ? shared_sql_retire : shared_sql_conduct, 2, NULL);
    add(turn, shared_sql_give_up, 1, NULL);
}

static void add_claims(struct turn *turn, const struct shared_ask *ask)
{
    size_t servers = turn->run->server_count;
    const char *down = flags_text(turn->mem, ask->down, servers);
    const struct ledger_value more[] = {
        ledger_db_int((int64_t)ask->capacity),
        ledger_db_text(sizes_text(turn->mem, ask->by_server, servers)),
        ledger_db_text(down),
    };
    const struct ledger_value late =
        ledger_db_text(sizes_text(turn->mem, ask->late, ask->late_count));
    const struct ledger_value wishes[] = {more[0], more[1], late};

    add(turn, shared_sql_take_over, 5, more);
    if (ask->late_count > 0)
        add(turn, shared_sql_give_back, 3, &late);
    add(turn, shared_sql_claim, 5, wishes);
    if (strcmp(down, "{}") != 0)
        add(turn, shared_sql_claim_down, 3, &more[2]);
}

/* The next piece of what has ended, up to that turn. */
static void add_piece(struct turn *turn, struct shared_hearing *hearing, int64_t until_turn)
{
    const struct ledger_value more[] = {
        ledger_db_int(hearing->heard.turn),
        ledger_db_int(hearing->heard.tenant),
        ledger_db_int(until_turn),
        ledger_db_int(PIECE_MOST),
    };
    struct ledger_statement *statement = add(turn, shared_sql_news, 6, more);

    statement->row = shared_hearing_end;
    statement->arg = hearing;
    hearing->piece = 0;
}

/* The facts last: what a tenant's end has led to is never heard later than that end. */
static void add_news(struct turn *turn, struct shared_hearing *hearing)
{
    add_asking(turn, shared_sql_claims, 2, shared_hearing_claim, hearing);
    add_piece(turn, hearing, INT64_MAX);
    add_asking(turn, shared_sql_wave_news, 1, shared_hearing_wave, hearing);
    add_asking(turn, shared_sql_server_news, 1, shared_hearing_left_out, hearing);
    add_asking(turn, shared_sql_facts, 2, shared_hearing_facts, hearing);
}

static struct shared_news *new_news(struct shared_run *run)
{
    struct shared_news *news;

    talloc_free(run->news_mem);
    run->news_mem = mem_context(run);
    news = mem_new(run->news_mem, struct shared_news);
    news->waves = mem_array(news, struct shared_wave, run->wave_count);
    news->left_out = mem_array(news, bool, run->server_count);
    return news;
}

/* What had ended before this machine joined, piece by piece; the run goes on meanwhile. */
static int catch_up(struct shared_run *run, const struct shared_ask *ask,
                    struct shared_hearing *hearing, struct err *err)
{
    struct turn turn = {.run = run, .mem = mem_context(hearing->news)};

    add_presence(&turn, ask, run->lease_ms);
    add_news(&turn, hearing);
    if (ledger_db_batch(run->db, turn.statements, turn.count, err) < 0)
        return -1;
    hearing->news->more = hearing->piece == PIECE_MOST;
    return 0;
}

/* The ledger has lost turns: its server crashed without synchronous_commit, or a standby that was
 * behind has become the primary. What was heard of them may end anew, in turns of their numbers. */
static void hear_anew(struct shared_hearing *hearing)
{
    hearing->heard = (struct shared_place){.turn = 0};
    hearing->news->end_count = 0;
    hearing->piece = PIECE_MOST;
}

/* The run's row is locked for one piece of news at most. More of them are as good when it is not:
 * what has ended up to this turn stays as it is. */
static int take_turn(struct shared_run *run, const struct shared_ask *ask,
                     struct shared_hearing *hearing, struct err *err)
{
    struct turn turn = {.run = run, .mem = mem_context(hearing->news)};

    add(&turn, shared_sql_turn, 1, NULL);
    add_asking(&turn, shared_sql_seen, 2, shared_hearing_seen, hearing);
    add_presence(&turn, ask, run->lease_ms);
    add_ends(&turn, ask);
    add_conducting(&turn, ask);
    if (!ask->leaving)
        add_claims(&turn, ask);
    add_news(&turn, hearing);
    if (ledger_db_batch(run->db, turn.statements, turn.count, err) < 0)
        return -1;
    if (hearing->seen < run->heard.turn)
        hear_anew(hearing);
    while (hearing->piece == PIECE_MOST) {
        turn.count = 0;
        add_piece(&turn, hearing, hearing->turn);
        if (ledger_db_batch(run->db, turn.statements, turn.count, err) < 0)
            return -1;
    }
    hearing->heard = (struct shared_place){.turn = hearing->turn, .tenant = INT64_MAX};
    return 0;
}

int shared_run_turn(struct shared_run *run, const struct shared_ask *ask,
                    const struct shared_news **ret, struct err *err)
{
    struct shared_news *news = new_news(run);
    struct shared_hearing hearing = {.news = news, .waves = run->waves, .heard = run->heard};

    if ((run->behind ? catch_up : take_turn)(run, ask, &hearing, err) < 0)
        return -1;
    if (!hearing.found)
        return err_set(err, ERR_INTERNAL, "run \"%s\" is gone from the ledger", run->run);
    run->heard = hearing.heard;
    run->behind = news->more;
    run->others = news->machines - 1;
    *ret = news;
    return 0;
}

static int take_others(void *arg, const struct ledger_value *values, size_t count UNUSED,
                       struct err *err UNUSED)
{
    *(size_t *)arg = (size_t)values[0].number;
    return 0;
}

void shared_run_leave(struct shared_run *run, bool over)
{
    struct err err = ERR_INIT;
    struct turn turn = {.run = run};
    struct ledger_statement *others;

    if (run->left)
        return;
    add(&turn, shared_sql_turn, 1, NULL);
    add(&turn, shared_sql_release, 2, NULL);
    add(&turn, shared_sql_cancel, 1, NULL);
    add(&turn, shared_sql_drop, 1, NULL);
    if (over)
        add(&turn, shared_sql_over, 1, NULL);
    add(&turn, shared_sql_resign, 2, NULL);
    add(&turn, shared_sql_unlock, 1, NULL);
    others = add(&turn, shared_sql_members, 1, NULL);
    others->row = take_others;
    others->arg = &run->others;
    run->left = ledger_db_batch(run->db, turn.statements, turn.count, &err) == 0;
    err_clear(&err);
}

/* --- joining ------------------------------------------------------------------------------ */

static void name_member(struct shared_run *run)
{
    char host[128] = "";
    uint32_t random = 0;

    if (gethostname(host, sizeof(host) - 1) < 0 || !host[0])
        snprintf(host, sizeof(host), "unknown");
    for (char *c = host; *c; c++)
        *c = *c == ':' ? '_' : *c;
    (void)!getrandom(&random, sizeof(random), 0);
    run->host = mem_strdup(run, host);
    run->member = mem_printf(run, "%s:%ld:%08x", host, (long)getpid(), random);
}

/* The terms of the machine that began it. */
struct found_run {
    void *mem;
    struct shared_terms terms;
    bool over;
};

static int take_terms(void *arg, const struct ledger_value *values, size_t count UNUSED,
                      struct err *err UNUSED)
{
    struct found_run *found = arg;

    found->terms = (struct shared_terms){
        .operation = mem_strdup(found->mem, values[0].text),
        .options = mem_strdup(found->mem, values[1].text),
        .catalog = mem_strdup(found->mem, values[2].text),
        .tenants = mem_strdup(found->mem, values[3].text),
        .rules = mem_strdup(found->mem, values[4].text),
        .tenant_count = values[5].number,
    };
    found->over = values[6].number != 0;
    return 0;
}

static int take_group(void *arg, const struct ledger_value *values, size_t count UNUSED,
                      struct err *err UNUSED)
{
    size_t *groups = arg;

    groups[values[0].number] = (size_t)values[1].number;
    return 0;
}

/* From here on the lock is not given back without this machine: that goes with the last member. */
static int enter(struct shared_run *run, const struct run_request *request, struct err *err)
{
    const struct shared_ask nothing = {0};
    struct turn turn = {.run = run, .mem = mem_context(NULL)};
    struct ledger_lock *lock;
    int rc;

    add(&turn, shared_sql_turn, 1, NULL);
    add_presence(&turn, &nothing, run->lease_ms + run_hooks_before_most_ms(request));
    rc = ledger_db_batch(run->db, turn.statements, turn.count, err);
    talloc_free(turn.mem);
    return rc < 0 ? -1 : ledger_lock_take(run, run->db, request, &lock, err);
}

/* Adds the run with this machine in it, or nothing at all, unless it is there. */
static int begin(struct shared_run *run, const struct run_request *request,
                 const struct shared_terms *here, struct err *err)
{
    int rc = ledger_db_begin(run->db, err);

    if (rc < 0)
        return -1;
    rc = shared_frame_add(run->db, request, here, &run->created, err);
    if (rc == 0 && run->created)
        rc = enter(run, request, err);
    if (rc == 0)
        rc = ledger_db_commit(run->db, err);
    if (rc < 0)
        ledger_db_rollback(run->db);
    return rc;
}

/* Begins the run or enters it, if it agrees; learns who is in which wave. */
static int join(void *mem, struct shared_run *run, const struct run_request *request,
                struct err *err)
{
    static const char terms_sql[] =
        "SELECT operation, options, catalog, tenants, rules, tenant_count, "
        "(over IS NOT NULL)::int FROM pgtide_shared_run WHERE run = $1";
    static const char groups_sql[] = "SELECT tenant, wave FROM pgtide_shared_tenant WHERE run = $1";
    const struct ledger_value name = ledger_db_text(run->run);
    struct found_run found = {.mem = mem};
    struct shared_terms here;

    shared_terms_make(mem, request, &here);
    if (begin(run, request, &here, err) < 0 ||
        ledger_db_run(run->db, terms_sql, &name, 1, take_terms, &found, err) < 0 ||
        shared_terms_compare(run->run, &found.terms, &here, err) < 0 ||
        ledger_db_run(run->db, groups_sql, &name, 1, take_group, run->groups, err) < 0)
        return -1;
    run->over = found.over;
    run->behind = !run->created;
    if (run->created || run->over || enter(run, request, err) == 0)
        return 0;
    shared_run_leave(run, false);
    return -1;
}

int shared_run_join(void *parent, struct ledger_db *db, const struct run_request *request,
                    int64_t lease_ms, struct shared_run **ret, struct err *err)
{
    struct shared_run *run = mem_new(parent, struct shared_run);
    void *mem;
    int rc;

    run->db = db;
    run->run = mem_strdup(run, request->plan.run_id);
    run->waves = request->waves;
    run->wave_count = request->waves->group_count;
    run->server_count = request->fleet->server_count;
    run->lease_ms = lease_ms;
    run->groups = mem_array(run, size_t, request->tenant_count);
    name_member(run);
    mem = mem_context(run);
    rc = shared_layout_prepare(db, err);
    if (rc == 0)
        rc = join(mem, run, request, err);
    talloc_free(mem);
    if (rc < 0)
        talloc_free(run);
    else
        *ret = run;
    return rc;
}
