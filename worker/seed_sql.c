/*
 * seed_sql.c: loads SQL seeds.
 */
#include "worker/seed_sql.h"

enum { QUERY_MOST = 1024 * 1024 }; /* bytes of one Query, but for a statement that is longer */

int seed_sql_load(struct transactions *tx, struct script *script, const struct seed_file *file,
                  struct seed_counts *counts, struct err *err)
{
    const struct section *up = &file->sql->sections[SECTION_UP];

    for (size_t i = 0; i < up->count; i++) {
        const struct sql_statement *statement = &up->statements[i];

        if (script->sql.len + (statement->end - statement->start) > QUERY_MOST &&
            script->count > 0) {
            if (script_run(script, tx->session, err) < 0)
                return -1;
            script_reset(script);
        }
        script_add_statement(script, file->sql, SECTION_UP, statement);
        counts->statements++;
    }
    return 0;
}
