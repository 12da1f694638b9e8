/*
 * discover_query.c: one statement, which begins as queries do.
 */
#include "orchestrator/discover_query.h"

#include "catalog/sql_scan.h"
#include "catalog/sql_words.h"
#include "common/mem.h"

static int check_text(void *mem, const char *text, struct err *err)
{
    struct sql_script script;

    if (sql_scan(mem, "query", text, 0, strlen(text), NULL, NULL, &script, err) < 0) {
        err_prefix(err, "\"query\": ");
        return -1;
    }
    if (script.count > 1) {
        err_set(err, ERR_CONFIG, "\"query\" has more than one statement");
        err_hint(err, "Make them one, or give each an entry of its own.");
        return -1;
    }
    if (script.count == 1 &&
        sql_words_is_query(text, script.statements[0].start, script.statements[0].end))
        return 0;
    err_set(err, ERR_CONFIG, "\"query\" is no query");
    err_hint(err, "It begins with SELECT, WITH, VALUES or TABLE.");
    return -1;
}

int discover_query_check(const struct fleet *fleet, struct err_list *errors)
{
    void *mem = mem_context(NULL);
    int rc = 0;

    for (size_t i = 0; i < fleet->discovery_count; i++) {
        const struct discovery *discovery = &fleet->discoveries[i];
        struct err err = ERR_INIT;

        if (discovery->kind != DISCOVER_QUERY || check_text(mem, discovery->query, &err) == 0)
            continue;
        err.kind = ERR_CONFIG;
        err_place(&err, fleet->file, discovery->line, discovery->column);
        rc = err_list_take(errors, &err);
    }
    talloc_free(mem);
    return rc;
}
