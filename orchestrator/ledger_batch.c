/*
 * ledger_batch.c: statements that are gathered.
 */
#include "orchestrator/ledger_batch.h"

#include "common/mem.h"

struct ledger_batch {
    void *mem; /* of the statements' parameters */
    struct ledger_statement *statements;
    size_t count;
    size_t capacity;
};

struct ledger_batch *ledger_batch_new(void *parent)
{
    struct ledger_batch *batch = mem_new(parent, struct ledger_batch);

    batch->mem = mem_context(batch);
    return batch;
}

void ledger_batch_add(struct ledger_batch *batch, const char *sql,
                      const struct ledger_value *params, size_t count)
{
    struct ledger_value *copies = mem_array(batch->mem, struct ledger_value, count);

    for (size_t i = 0; i < count; i++) {
        copies[i] = params[i];
        copies[i].text = ledger_db_copy(copies, params[i]);
    }
    mem_grow(batch, &batch->statements, &batch->capacity, batch->count + 1);
    batch->statements[batch->count++] =
        (struct ledger_statement){.sql = sql, .params = copies, .param_count = count};
}

size_t ledger_batch_count(const struct ledger_batch *batch)
{
    return batch->count;
}

int ledger_batch_run(struct ledger_batch *batch, struct ledger_db *db, struct err *err)
{
    int rc = 0;

    if (batch->count > 0)
        rc = ledger_db_batch(db, batch->statements, batch->count, err);
    batch->count = 0;
    talloc_free(batch->mem);
    batch->mem = mem_context(batch);
    return rc;
}
