/*
 * seed_statement.c: the SQL of a seed load.
 *
 * In all of them "s" is the stage (n, line, g, then d or c0, c1, ...) and "r" one row with its
 * values typed. A JSON object is typed by json_to_record, so that JSON's null is SQL's NULL, and
 * arrays and objects become arrays, composites or json as the column wants it.
 */
#include "worker/seed_statement.h"

#include "common/mem.h"

/* Adds what comes between the items of a list. */
static void comma(struct strbuf *sql, size_t i)
{
    if (i > 0)
        strbuf_str(sql, ", ");
}

/* "PREFIXa, PREFIXb, ..." of some columns. */
static void add_columns(struct strbuf *sql, const struct seed_load *load, const char *prefix,
                        const size_t *columns, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        comma(sql, i);
        strbuf_printf(sql, "%s%s", prefix, load->table->columns[columns[i]].quoted);
    }
}

void seed_statement_stage(struct strbuf *sql, const struct seed_load *load)
{
    strbuf_printf(sql, "CREATE TEMPORARY TABLE %s (n bigint, line int, g int", load->stage);
    if (load->shape == SEED_OBJECTS)
        strbuf_str(sql, ", d json");
    else
        for (size_t i = 0; i < load->groups[0].count; i++)
            strbuf_printf(sql, ", c%zu text", i);
    strbuf_str(sql, ") ON COMMIT DROP");
}

/* The place of a column in the header. */
static size_t field_of(const struct seed_load *load, size_t column)
{
    size_t field = 0;

    while (load->groups[0].columns[field] != column)
        field++;
    return field;
}

/*
 * A FROM item "r" with some columns of `row` typed. Fields are cast to the type without its length:
 * a cast would cut a text that is too long, the assignment by INSERT refuses it.
 */
static void add_record(struct strbuf *sql, const struct seed_load *load, const char *row,
                       const size_t *columns, size_t count)
{
    bool objects = load->shape == SEED_OBJECTS;

    if (objects)
        strbuf_printf(sql, "json_to_record(%s.d) AS r (", row);
    else
        strbuf_str(sql, "(SELECT ");
    for (size_t i = 0; i < count; i++) {
        const struct seed_column *column = &load->table->columns[columns[i]];

        comma(sql, i);
        if (objects)
            strbuf_printf(sql, "%s %s", column->quoted, column->type);
        else
            strbuf_printf(sql, "%s.c%zu::%s AS %s", row, field_of(load, columns[i]),
                          column->bare_type, column->quoted);
    }
    strbuf_str(sql, objects ? ")" : ") AS r");
}

/* --- insert ----------------------------------------------------------------------------------- */

static bool is_key(const struct seed_load *load, size_t column)
{
    for (size_t i = 0; i < load->key_count; i++) {
        if (load->key[i] == column)
            return true;
    }
    return false;
}

/*
 * DO UPDATE of the group's columns but for the key and what no UPDATE may set, and only of rows
 * that change: *<> compares the values' bytes, and so needs no equality operator.
 */
static void add_update(struct strbuf *sql, const struct seed_load *load,
                       const struct seed_group *group)
{
    size_t *columns = mem_array(load->mem, size_t, group->count);
    size_t count = 0;

    for (size_t i = 0; i < group->count; i++) {
        if (!is_key(load, group->columns[i]) &&
            !load->table->columns[group->columns[i]].identity_always)
            columns[count++] = group->columns[i];
    }
    strbuf_str(sql, count ? " DO UPDATE SET " : " DO NOTHING");
    for (size_t i = 0; i < count; i++) {
        const char *quoted = load->table->columns[columns[i]].quoted;

        comma(sql, i);
        strbuf_printf(sql, "%s = excluded.%s", quoted, quoted);
    }
    if (count) {
        strbuf_str(sql, " WHERE ROW(");
        add_columns(sql, load, "pgtide_target.", columns, count);
        strbuf_str(sql, ")::record OPERATOR(pg_catalog.*<>) ROW(");
        add_columns(sql, load, "excluded.", columns, count);
        strbuf_str(sql, ")::record");
    }
    talloc_free(columns);
}

static void add_conflict(struct strbuf *sql, const struct seed_load *load,
                         const struct seed_group *group)
{
    if (load->mode == SEED_INSERT || (load->mode != SEED_IGNORE && !group->by_key))
        return;
    strbuf_str(sql, " ON CONFLICT ");
    if (group->by_key) {
        strbuf_char(sql, '(');
        add_columns(sql, load, "", load->key, load->key_count);
        strbuf_char(sql, ')');
    }
    if (load->mode == SEED_IGNORE)
        strbuf_str(sql, " DO NOTHING");
    else
        add_update(sql, load, group);
}

static bool gives_identity(const struct seed_load *load, const struct seed_group *group)
{
    for (size_t i = 0; i < group->count; i++) {
        if (load->table->columns[group->columns[i]].identity_always)
            return true;
    }
    return false;
}

void seed_statement_insert(struct strbuf *sql, const struct seed_load *load,
                           const struct seed_group *group, const char *row)
{
    strbuf_printf(sql, "INSERT INTO %s AS pgtide_target", load->table->quoted);
    if (group->count > 0) {
        strbuf_str(sql, " (");
        add_columns(sql, load, "", group->columns, group->count);
        strbuf_char(sql, ')');
    }
    if (gives_identity(load, group))
        strbuf_str(sql, " OVERRIDING SYSTEM VALUE");
    strbuf_str(sql, " SELECT ");
    add_columns(sql, load, "r.", group->columns, group->count);
    if (!row)
        strbuf_printf(sql, " FROM %s AS s", load->stage);
    if (group->count > 0) {
        strbuf_str(sql, row ? " FROM " : ", LATERAL ");
        add_record(sql, load, row ? row : "s", group->columns, group->count);
    }
    if (!row)
        strbuf_printf(sql, " WHERE s.g = %zu ORDER BY s.n", (size_t)(group - load->groups));
    add_conflict(sql, load, group);
}

/* --- about the rows of the stage -------------------------------------------------------------- */

void seed_statement_twins(struct strbuf *sql, const struct seed_load *load)
{
    strbuf_str(sql, "SELECT min(s.n), (array_agg(s.n ORDER BY s.n))[2], "
                    "(array_agg(s.line ORDER BY s.n))[2], concat_ws(', ', ");
    add_columns(sql, load, "r.", load->key, load->key_count);
    strbuf_printf(sql, ") FROM %s AS s, LATERAL ", load->stage);
    add_record(sql, load, "s", load->key, load->key_count);
    strbuf_str(sql, " WHERE true");
    for (size_t i = 0; i < load->key_count; i++)
        strbuf_printf(sql, " AND r.%s IS NOT NULL", load->table->columns[load->key[i]].quoted);
    strbuf_str(sql, " GROUP BY ");
    add_columns(sql, load, "r.", load->key, load->key_count);
    strbuf_str(sql, " HAVING count(*) > 1 ORDER BY 1 LIMIT 1");
}

void seed_statement_sequence(struct strbuf *sql, const struct seed_load *load, size_t column)
{
    const struct seed_column *of = &load->table->columns[column];
    char *name = session_literal(load->mem, load->session, of->sequence);

    strbuf_printf(sql,
                  "SELECT setval(q.seqrelid, v.last) "
                  "FROM pg_catalog.pg_sequence q, %s AS now, LATERAL ("
                  "SELECT CASE WHEN q.seqincrement > 0 THEN max(r.%s) ELSE min(r.%s) END::bigint"
                  " AS last FROM %s AS s, LATERAL ",
                  of->sequence, of->quoted, of->quoted, load->stage);
    add_record(sql, load, "s", &column, 1);
    strbuf_printf(sql,
                  ") v WHERE q.seqrelid = %s::regclass AND v.last BETWEEN q.seqmin AND q.seqmax "
                  "AND CASE WHEN q.seqincrement > 0 THEN v.last >= now.last_value "
                  "ELSE v.last <= now.last_value END",
                  name);
}

/* --- finding the row that was refused --------------------------------------------------------- */

/* The values of pgtide_row typed one by one, pgtide_column saying which. */
static void add_column_trials(struct strbuf *sql, const struct seed_load *load,
                              const struct seed_group *group)
{
    for (size_t i = 0; i < group->count; i++) {
        const struct seed_column *column = &load->table->columns[group->columns[i]];

        strbuf_printf(sql, "      pgtide_column := %s;\n      PERFORM r.%s FROM ",
                      session_literal(load->mem, load->session, column->name), column->quoted);
        add_record(sql, load, "pgtide_row", &group->columns[i], 1);
        strbuf_str(sql, ";\n");
    }
}

/*
 * Of a missing parent row only the same DETAIL is a proof: row by row, a child may be refused that
 * stands before its parent and is right in the whole.
 */
void seed_statement_find(struct strbuf *sql, const struct seed_load *load,
                         const struct seed_group *group, const struct err *refusal)
{
    struct strbuf body;

    strbuf_init(&body, load->mem);
    strbuf_printf(&body,
                  "#variable_conflict use_column\n"
                  "DECLARE\n"
                  "  pgtide_row record; pgtide_column text := '';\n"
                  "  pgtide_message text; pgtide_detail text;\n"
                  "BEGIN\n"
                  "  FOR pgtide_row IN SELECT * FROM %s AS s WHERE s.g = %zu ORDER BY s.n LOOP\n"
                  "    ",
                  load->stage, (size_t)(group - load->groups));
    seed_statement_insert(&body, load, group, "pgtide_row");
    strbuf_printf(
        &body,
        ";\n"
        "  END LOOP;\n"
        "EXCEPTION WHEN OTHERS THEN\n"
        "  GET STACKED DIAGNOSTICS pgtide_message = MESSAGE_TEXT,\n"
        "    pgtide_detail = PG_EXCEPTION_DETAIL;\n"
        "  IF SQLSTATE = %s AND pgtide_message = %s\n"
        "     AND (SQLSTATE <> '23503' OR pgtide_detail = %s) THEN\n"
        "    BEGIN\n",
        session_literal(load->mem, load->session, refusal->sqlstate),
        session_literal(load->mem, load->session, refusal->message),
        session_literal(load->mem, load->session, refusal->detail ? refusal->detail : ""));
    add_column_trials(&body, load, group);
    strbuf_str(&body, "      pgtide_column := '';\n"
                      "    EXCEPTION WHEN OTHERS THEN NULL;\n"
                      "    END;\n"
                      "    PERFORM set_config('pgtide.seed_row', pgtide_row.n::text, true),\n"
                      "      set_config('pgtide.seed_line', pgtide_row.line::text, true),\n"
                      "      set_config('pgtide.seed_column', pgtide_column, true);\n"
                      "  END IF;\n"
                      "END");
    strbuf_printf(sql, "DO %s", session_literal(load->mem, load->session, body.text));
    strbuf_release(&body);
}
