/*
 * shared_terms.c: the terms of a shared run as texts that can be compared, and shown.
 */
#include "orchestrator/shared_terms.h"

#include "catalog/catalog.h"
#include "common/mem.h"
#include "common/sha256.h"
#include "common/strbuf.h"
#include "orchestrator/budget.h"
#include "orchestrator/run_whole.h"

/* --- budgets ------------------------------------------------------------------------------ */

struct budget_list {
    struct shared_budget *items;
    size_t count;
    size_t capacity;
};

/* Which outcomes count in a rule is budget.c's to say: each is counted once in a copy. */
static void find_outcomes(const struct budget *budget, int rule, struct shared_budget *ret)
{
    for (int outcome = OUTCOME_NONE; outcome < OUTCOME_COUNT; outcome++) {
        struct budget copy = *budget;

        (void)budget_count(&copy, (enum outcome)outcome);
        ret->counts[outcome] = copy.rules[rule].count > budget->rules[rule].count;
    }
}

static void add_rules(void *parent, struct budget_list *list, const struct budget *budget,
                      int64_t wave, int64_t server)
{
    for (int i = 0; i < BUDGET_RULES; i++) {
        const struct budget_rule *rule = &budget->rules[i];
        struct shared_budget row = {
            .wave = wave,
            .server = server,
            .rule = rule->name,
            .limit = rule->limit,
            .tolerated = rule->tolerated,
        };

        if (!rule->set)
            continue;
        find_outcomes(budget, i, &row);
        mem_grow(parent, &list->items, &list->capacity, list->count + 1);
        list->items[list->count++] = row;
    }
}

struct shared_budget *shared_terms_budgets(void *parent, const struct run_request *request,
                                           size_t *ret_count)
{
    const struct fleet *fleet = request->fleet;
    const struct run_whole *whole = run_whole_of(parent, request);
    struct budget_list list = {0};
    struct budget budget;

    budget_init(&budget, &request->config, whole->tenants);
    add_rules(parent, &list, &budget, -1, -1);
    for (size_t i = 0; i < request->waves->group_count; i++) {
        const struct wave_group *group = &request->waves->groups[i];

        if (!group->wave)
            continue;
        budget_init_wave(&budget, group->wave, whole->of_waves[i]);
        add_rules(parent, &list, &budget, (int64_t)i, -1);
    }
    for (size_t i = 0; i < fleet->server_count; i++) {
        budget_init_server(&budget, &fleet->servers[i], whole->of_servers[i]);
        add_rules(parent, &list, &budget, -1, (int64_t)i);
    }
    *ret_count = list.count;
    return list.items;
}

int64_t shared_terms_cap(const struct run_request *request, size_t server)
{
    return request->per_server > 0 ? request->per_server
                                   : request->fleet->servers[server].per_server;
}

/* --- the texts ---------------------------------------------------------------------------- */

static char *options_text(void *parent, const struct job_plan *plan)
{
    struct strbuf text;

    strbuf_init(&text, parent);
    if (plan->steps > 0)
        strbuf_printf(&text, " --steps %lld", (long long)plan->steps);
    else if (plan->to_version != INT64_MAX)
        strbuf_printf(&text, " --to %s", job_version_text(parent, plan->to_version));
    if (plan->seed)
        strbuf_str(&text, " --seed");
    if (plan->reseed)
        strbuf_str(&text, " --reseed");
    for (size_t i = 0; i < plan->seed_set_count; i++)
        strbuf_printf(&text, " --seed-set %s", plan->seed_sets[i]);
    return text.len > 0 ? text.text + 1 : text.text;
}

static void add_text(struct sha256 *sum, const char *text)
{
    text = text ? text : "";
    sha256_add(sum, text, strlen(text) + 1);
}

static char *catalog_text(void *parent, const struct catalog *catalog)
{
    struct sha256 sum;

    sha256_init(&sum);
    add_text(&sum, catalog->checksum);
    for (size_t i = 0; i < catalog->seed_set_count; i++) {
        const struct seed_set *set = &catalog->seed_sets[i];

        for (size_t j = 0; j < set->count; j++) {
            add_text(&sum, set->files[j].name);
            add_text(&sum, set->files[j].checksum);
        }
    }
    return sha256_end_text(&sum, parent);
}

static char *tenants_text(void *parent, const struct run_request *request)
{
    struct sha256 sum;

    sha256_init(&sum);
    for (size_t i = 0; i < request->tenant_count; i++) {
        const struct tenant *tenant = request->tenants[i];

        add_text(&sum, tenant->name);
        add_text(&sum, tenant->server->name); /* machines may know it by other addresses */
        add_text(&sum, tenant->database);
        add_text(&sum, tenant->schema);
        add_text(&sum, tenant->settings->history_table);
    }
    return sha256_end_text(&sum, parent);
}

static void add_size(struct strbuf *text, struct text_size size)
{
    strbuf_printf(text, "%lld%s", (long long)size.value, size.percent ? "%" : "");
}

/* Command and SQL as the beginning of a sum: they may be long, and nobody else's business. */
static void add_gate(struct strbuf *text, const struct hook *gate)
{
    enum { SHOWN = sizeof("sha256:") - 1 + 12 };
    struct sha256 sum;
    char *digits;

    if (!gate->command && !gate->sql)
        return;
    sha256_init(&sum);
    add_text(&sum, gate->sql);
    for (size_t i = 0; gate->command && gate->command[i]; i++)
        add_text(&sum, gate->command[i]);
    digits = sha256_end_text(&sum, NULL);
    strbuf_printf(text, ", gate %.*s %lldms", SHOWN, digits, (long long)gate->timeout_ms);
    talloc_free(digits);
}

static void add_wave(struct strbuf *text, const struct wave_plan *waves, const struct wave *wave)
{
    strbuf_printf(text, ", wave %s (workers %d, per_server %d, soak %lldms%s%s", wave->name,
                  wave->workers, wave->per_server, (long long)wave->soak_ms,
                  wave->ramp_up ? ", ramp_up" : "", wave->confirm ? ", confirm" : "");
    add_gate(text, &wave->gate);
    for (size_t i = 0; i < wave->depends_on_count; i++)
        strbuf_printf(text, "%s%s", i > 0 ? " " : ", depends_on ",
                      waves->groups[wave->depends_on[i]].wave->name);
    strbuf_char(text, ')');
}

/* For people too: "max_failures 3, wave canary (...), canary max_failures 0, server eu1 8". */
static char *rules_text(void *parent, const struct run_request *request)
{
    const struct wave_plan *waves = request->waves;
    const struct fleet *fleet = request->fleet;
    struct shared_budget *budgets;
    struct strbuf text;
    size_t count;

    strbuf_init(&text, parent);
    strbuf_str(&text, request->config.ramp_up ? "ramp_up" : "no ramp_up");
    for (size_t i = 0; i < waves->group_count; i++) {
        if (waves->groups[i].wave)
            add_wave(&text, waves, waves->groups[i].wave);
    }
    budgets = shared_terms_budgets(parent, request, &count);
    for (size_t i = 0; i < count; i++) {
        const struct shared_budget *budget = &budgets[i];

        strbuf_str(&text, ", ");
        if (budget->wave >= 0)
            strbuf_printf(&text, "%s ", waves->groups[budget->wave].wave->name);
        if (budget->server >= 0)
            strbuf_printf(&text, "%s ", fleet->servers[budget->server].name);
        strbuf_printf(&text, "%s ", budget->rule);
        add_size(&text, budget->limit);
    }
    for (size_t i = 0; i < fleet->server_count; i++)
        strbuf_printf(&text, ", %s per_server %lld", fleet->servers[i].name,
                      (long long)shared_terms_cap(request, i));
    return text.text;
}

void shared_terms_make(void *parent, const struct run_request *request, struct shared_terms *ret)
{
    *ret = (struct shared_terms){
        .operation = request->operation,
        .options = options_text(parent, &request->plan),
        .catalog = catalog_text(parent, request->plan.catalog),
        .tenants = tenants_text(parent, request),
        .tenant_count = (int64_t)request->tenant_count,
        .rules = rules_text(parent, request),
    };
}

/* --- comparing ---------------------------------------------------------------------------- */

static const char *shown(const char *options)
{
    return options[0] ? options : "none";
}

static int refuse_tenants(const char *run, const struct shared_terms *there,
                          const struct shared_terms *here, struct err *err)
{
    if (there->tenant_count != here->tenant_count)
        err_set(err, ERR_CONFIG,
                "run \"%s\" was begun with %lld tenants, and here %lld are "
                "selected",
                run, (long long)there->tenant_count, (long long)here->tenant_count);
    else
        err_set(err, ERR_CONFIG, "run \"%s\" was begun with other tenants than are selected here",
                run);
    err_hint(err, "All machines of a run need the same fleet.yaml and the same selection.");
    return -1;
}

int shared_terms_compare(const char *run, const struct shared_terms *there,
                         const struct shared_terms *here, struct err *err)
{
    if (strcmp(there->operation, here->operation) != 0) {
        err_set(err, ERR_CONFIG, "run \"%s\" is a \"%s\", not a \"%s\"", run, there->operation,
                here->operation);
        err_hint(err, "Give this one another name.");
        return -1;
    }
    if (strcmp(there->options, here->options) != 0) {
        err_set(err, ERR_CONFIG, "run \"%s\" was begun with other options", run);
        err_detail(err, "there: %s; here: %s", shown(there->options), shown(here->options));
        err_hint(err, "Give the same ones, or another name.");
        return -1;
    }
    if (strcmp(there->catalog, here->catalog) != 0) {
        err_set(err, ERR_DATA,
                "the migrations or seeds here are not those that run \"%s\" was begun with", run);
        err_detail(err, "there: %s; here: %s", there->catalog, here->catalog);
        err_hint(err, "Give all machines the same release, best as one sealed bundle "
                      "(\"pgtide build\").");
        return -1;
    }
    if (strcmp(there->tenants, here->tenants) != 0)
        return refuse_tenants(run, there, here, err);
    if (strcmp(there->rules, here->rules) != 0) {
        err_set(err, ERR_CONFIG, "run \"%s\" was begun with other budgets, waves or caps", run);
        err_detail(err, "there: %s; here: %s", there->rules, here->rules);
        err_hint(err, "All machines of a run need the same fleet.yaml and the same options.");
        return -1;
    }
    return 0;
}
