/*
 * report_text.c: the turns of phrase of all text reports, and text of others made harmless.
 */
#include "orchestrator/report_text.h"

#include "common/mem.h"
#include "common/text.h"

#include <ctype.h>
#include <wchar.h>

enum {
    CAUSE_COLUMNS = 240, /* a message in a line; whole only in JSON */
    NAMES_ALL = 4,       /* up to so many names are all written */
    NAMES_FIRST = 2,     /* of more, so many */
};

const char *report_text_ink(bool color, enum report_ink ink)
{
    static const char *const codes[] = {
        [INK_OFF] = "\033[0m",   [INK_BAD] = "\033[31m", [INK_WARN] = "\033[33m",
        [INK_GOOD] = "\033[32m", [INK_DIM] = "\033[2m",  [INK_BOLD] = "\033[1m",
    };

    return color ? codes[ink] : "";
}

/* Bytes of the UTF-8 character at `text`, which is not at its end, and its code; 0: it is none. */
static size_t decode(const char *text, uint32_t *ret_code)
{
    size_t len = text_utf8_length(text, strnlen(text, 4));
    uint32_t code = (unsigned char)text[0];

    if (len > 1)
        code &= 0xFFu >> (len + 1);
    for (size_t i = 1; i < len; i++)
        code = code << 6 | ((unsigned char)text[i] & 0x3F);
    *ret_code = code;
    return len;
}

/* Characters that move the cursor or turn the writing direction. */
static bool is_control(uint32_t code)
{
    return code < 0x20 || (code >= 0x7F && code < 0xA0) || (code >= 0x200E && code <= 0x200F) ||
           (code >= 0x2028 && code <= 0x202E) || (code >= 0x2066 && code <= 0x2069);
}

/* Appends the next character of *text in printable form, steps over it, returns its columns. */
static size_t add_printable(struct strbuf *out, const char **text)
{
    uint32_t code;
    size_t len = decode(*text, &code);
    int width;

    if (len == 0 || is_control(code)) {
        len = len ? len : 1;
        for (size_t i = 0; i < len; i++)
            strbuf_printf(out, "\\x%02X", (unsigned char)(*text)[i]);
        *text += len;
        return 4 * len;
    }
    strbuf_add(out, *text, len);
    *text += len;
    width = wcwidth((wchar_t)code);
    return width < 0 ? 1 : (size_t)width;
}

char *report_text_line(void *parent, const char *text, size_t columns)
{
    struct strbuf out;
    size_t used = 0;
    size_t room = 0; /* length at which three dots still fit */

    strbuf_init(&out, parent);
    while (isspace((unsigned char)*text))
        text++;
    while (*text) {
        size_t before = out.len;

        if (columns && used + 3 <= columns)
            room = before;
        if (isspace((unsigned char)*text)) {
            while (isspace((unsigned char)*text))
                text++;
            strbuf_char(&out, ' ');
            used++;
        } else {
            used += add_printable(&out, &text);
        }
        if (columns && used > columns) {
            out.len = room;
            out.text[room] = '\0';
            strbuf_add(&out, "...", columns < 3 ? columns : 3);
            return out.text;
        }
    }
    while (out.len > 0 && out.text[out.len - 1] == ' ')
        out.text[--out.len] = '\0';
    return out.text;
}

char *report_text_verbatim(void *parent, const char *text, size_t len)
{
    char *copy = mem_strndup(NULL, text, len);
    const char *next = copy;
    struct strbuf out;

    strbuf_init(&out, parent);
    while (*next) {
        if (*next == ' ' || *next == '\t' || *next == '\n')
            strbuf_char(&out, *next++);
        else
            add_printable(&out, &next);
    }
    talloc_free(copy);
    return out.text;
}

char *report_text_utf8(void *parent, const char *text)
{
    struct strbuf out;

    strbuf_init(&out, parent);
    while (*text) {
        uint32_t code;
        size_t len = decode(text, &code);

        if (len)
            strbuf_add(&out, text, len);
        else
            strbuf_str(&out, "\xEF\xBF\xBD");
        text += len ? len : 1;
    }
    return out.text;
}

char *report_text_shell(void *parent, const char *word)
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                "0123456789_-./:@%+=,";
    struct strbuf out;

    if (*word && strspn(word, plain) == strlen(word))
        return mem_strdup(parent, word);
    strbuf_init(&out, parent);
    strbuf_char(&out, '\'');
    for (; *word; word++) {
        if (*word == '\'')
            strbuf_str(&out, "'\\''");
        else
            strbuf_char(&out, *word);
    }
    strbuf_char(&out, '\'');
    return out.text;
}

char *report_text_count(void *parent, size_t count, const char *noun)
{
    return mem_printf(parent, "%zu %s%s", count, noun, count == 1 ? "" : "s");
}

/* The path below the catalog's folder, in a bundle too; or the path itself. */
static const char *shorten_path(const struct catalog *catalog, const char *file)
{
    static const char packed[] = ":" BUNDLE_MIGRATIONS "/";
    size_t len = strlen(catalog->source);

    while (len > 0 && catalog->source[len - 1] == '/')
        len--;
    if (len == 0 || strncmp(file, catalog->source, len) != 0)
        return file;
    if (strncmp(file + len, packed, sizeof(packed) - 1) == 0)
        return file + len + sizeof(packed) - 1;
    return file[len] == '/' ? file + len + 1 : file;
}

void report_text_bundle(struct strbuf *out, const struct catalog *catalog)
{
    char *source;

    if (!catalog->bundle)
        return;
    source = report_text_line(NULL, catalog->source, 0);
    strbuf_printf(out, "bundle %s, %s\n", source, catalog->bundle);
    talloc_free(source);
}

void report_text_cause(struct strbuf *out, const struct catalog *catalog, const struct err *err,
                       const char *message)
{
    void *mem = mem_context(NULL);

    if (!message)
        message = err->message ? err->message : "no reason is known";
    if (err->sqlstate[0])
        strbuf_printf(out, "%s ", err->sqlstate);
    strbuf_str(out, report_text_line(mem, message, CAUSE_COLUMNS));
    if (err->file) {
        strbuf_printf(out, " at %s", report_text_line(mem, shorten_path(catalog, err->file), 0));
        if (err->line)
            strbuf_printf(out, ":%d", err->line);
    }
    talloc_free(mem);
}

void report_text_names(struct strbuf *out, const struct job *const *jobs, size_t count, bool all)
{
    size_t shown = all || count <= NAMES_ALL ? count : NAMES_FIRST;

    for (size_t i = 0; i < shown; i++) {
        char *name = report_text_line(NULL, jobs[i]->tenant->name, 0);

        strbuf_printf(out, "%s%s", i ? ", " : "", name);
        talloc_free(name);
    }
    if (shown < count)
        strbuf_printf(out, " and %zu more", count - shown);
}

/* " of wave "early"", or nothing for a rule of the run. */
static void add_wave(struct strbuf *out, const struct run_halt *halt)
{
    char *name;

    if (!halt->wave)
        return;
    name = report_text_line(NULL, halt->wave->name, 0);
    strbuf_printf(out, " of wave \"%s\"", name);
    talloc_free(name);
}

void report_text_halt(struct strbuf *out, const struct run_halt *halt)
{
    if (strcmp(halt->rule, "gate") == 0) {
        strbuf_str(out, "halted: the gate");
        add_wave(out, halt);
        strbuf_str(out, " was not passed");
    } else if (strcmp(halt->rule, "confirm") == 0) {
        strbuf_str(out, "halted: the start");
        add_wave(out, halt);
        strbuf_str(out, " was not confirmed");
    } else {
        const char *what = strcmp(halt->rule, "max_failures") == 0 ? "failed" : halt->rule + 4;

        strbuf_printf(out, "halted: %lld %s, %lld tolerated (%s", (long long)halt->failures, what,
                      (long long)halt->tolerated, halt->rule);
        add_wave(out, halt);
        strbuf_char(out, ')');
    }
    strbuf_printf(out, "; %lld %s in work", (long long)halt->in_work,
                  halt->in_work == 1 ? "was" : "were");
}

size_t report_text_problems(const size_t totals[OUTCOME_COUNT])
{
    size_t problems = 0;

    for (enum outcome outcome = OUTCOME_NONE; outcome < OUTCOME_COUNT; outcome++)
        problems += outcome_is_problem(outcome) ? totals[outcome] : 0;
    return problems;
}

const char *report_text_outcome(enum job_action action, enum outcome outcome)
{
    if (outcome != OUTCOME_MIGRATED)
        return outcome_name(outcome);
    switch (action) {
    case JOB_ROLLBACK:
        return "rolled back";
    case JOB_BASELINE:
        return "baselined";
    case JOB_REPAIR:
        return "repaired";
    default:
        return outcome_name(outcome);
    }
}

void report_text_totals(struct strbuf *out, const struct report *report)
{
    static const enum outcome migrating[] =
        {
            OUTCOME_MIGRATED,    OUTCOME_CURRENT, OUTCOME_FAILED,  OUTCOME_HELD,
            OUTCOME_UNREACHABLE, OUTCOME_LOCKED,  OUTCOME_UNKNOWN, OUTCOME_CANCELLED,
            OUTCOME_CONFLICT, /* of a repair only, which leaves what it cannot cure */
        };
    static const enum outcome reading[] = {
        OUTCOME_CURRENT,     OUTCOME_PENDING, OUTCOME_CONFLICT, OUTCOME_HELD,      OUTCOME_FAILED,
        OUTCOME_UNREACHABLE, OUTCOME_LOCKED,  OUTCOME_UNKNOWN,  OUTCOME_CANCELLED,
    };
    enum { READING_ALWAYS = 6 }; /* the ones behind them only where there are any */
    const struct run_result *result = report->result;
    enum job_action action = report->request->plan.action;
    bool reads = !job_writes(action);
    const enum outcome *order = reads ? reading : migrating;
    size_t count = reads                  ? ARRAY_LEN(reading)
                   : action == JOB_REPAIR ? ARRAY_LEN(migrating)
                                          : ARRAY_LEN(migrating) - 1;
    void *mem = mem_context(NULL);

    strbuf_printf(out, "run %s: %s:", result->run_id,
                  report_text_count(mem, result->job_count, "tenant"));
    for (size_t i = 0; i < count; i++) {
        if (reads && i >= READING_ALWAYS && result->totals[order[i]] == 0)
            continue;
        strbuf_printf(out, "%s %zu %s", i ? "," : "", result->totals[order[i]],
                      report_text_outcome(action, order[i]));
    }
    strbuf_printf(out, " in %s\n", text_elapsed(mem, result->duration_ms));
    talloc_free(mem);
}

int report_text_write(const struct strbuf *text, FILE *out)
{
    if (fwrite(text->text, 1, text->len, out) != text->len)
        return -1;
    return fflush(out) == 0 ? 0 : -1;
}
