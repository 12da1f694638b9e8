/*
 * progress_block.c: the rows of waves, servers and the run.
 *
 * Where there is no room for all: the run's bar is always there, servers in trouble get up to half
 * of what is left, the waves the rest, from the first that has not passed.
 */
#include "orchestrator/progress_block.h"

#include "common/mem.h"
#include "common/text.h"
#include "orchestrator/progress_words.h"
#include "orchestrator/report_text.h"
#include "orchestrator/report_waves.h"

enum {
    NAME_LEAST = 8,
    NAME_MOST = 24,
    WAVE_BAR = 22,        /* with its blank and brackets */
    WAVE_BAR_NARROW = 12, /* in windows of less than WIDE columns */
    WIDE = 72,
    NARROW = 56, /* less wide, no bars of waves */
};

static void add_row(void *parent, struct progress_rows *rows, char *text)
{
    mem_grow(parent, &rows->items, &rows->capacity, rows->count + 1);
    rows->items[rows->count++] = text;
}

static void add_text(void *parent, struct progress_rows *rows, const struct progress_view *view,
                     enum report_ink ink, const char *text)
{
    char *line = report_text_line(parent, text, view->columns);
    bool inked = view->bar.color && ink != INK_OFF;

    add_row(parent, rows,
            mem_printf(parent, "%s%s%s", report_text_ink(inked, ink), line,
                       report_text_ink(inked, INK_OFF)));
}

/* --- waves ----------------------------------------------------------------------------------- */

/* How the columns of all waves are laid out. */
struct layout {
    size_t name;
    size_t state;
    size_t head;
    size_t bar;
};

static size_t wave_count(const struct progress_view *view)
{
    const struct wave_plan *waves = view->request->waves;

    return waves && view->so_far->waves && waves->groups[0].wave ? view->so_far->wave_count : 0;
}

static size_t wave_ended(const struct run_wave *wave)
{
    size_t ended = 0;

    for (enum outcome outcome = OUTCOME_NONE + 1; outcome < OUTCOME_COUNT; outcome++)
        ended += outcome == OUTCOME_CANCELLED ? 0 : wave->totals[outcome];
    return ended;
}

static void widen(size_t *columns, size_t needed)
{
    *columns = needed > *columns ? needed : *columns;
}

static struct layout lay_out(void *mem, const struct progress_view *view)
{
    struct layout layout = {0};
    size_t most = view->columns / 4;

    for (size_t i = 0; i < wave_count(view); i++) {
        const struct wave_group *group = &view->request->waves->groups[i];
        const struct run_wave *wave = &view->so_far->waves[i];

        widen(&layout.name, text_columns(report_text_line(mem, group->wave->name, 0)));
        widen(&layout.state, strlen(progress_words_wave(mem, wave, view->now_ms)));
        widen(&layout.head, strlen(mem_printf(mem, "%zu/%zu", wave_ended(wave), group->count)));
    }
    most = most < NAME_LEAST ? NAME_LEAST : most > NAME_MOST ? NAME_MOST : most;
    layout.name = layout.name > most ? most : layout.name;
    if (view->columns >= NARROW)
        layout.bar = view->columns >= WIDE ? WAVE_BAR : WAVE_BAR_NARROW;
    return layout;
}

static void pad(struct strbuf *out, const char *text, size_t columns)
{
    size_t taken = text_columns(text);

    strbuf_str(out, text);
    strbuf_printf(out, "%*s", taken < columns ? (int)(columns - taken) : 0, "");
}

static void add_wave(void *parent, struct progress_rows *rows, const struct progress_view *view,
                     const struct layout *layout, size_t index)
{
    const struct wave_group *group = &view->request->waves->groups[index];
    const struct run_wave *wave = &view->so_far->waves[index];
    const size_t *totals = wave->totals;
    size_t front = layout->name + 2 + layout->state + 2;
    bool inked = view->bar.color && progress_words_wave_ink(wave->state) != INK_OFF;
    struct progress_bar bar = {
        .total = group->count,
        .ended = wave_ended(wave),
        .done = totals[OUTCOME_MIGRATED] + totals[OUTCOME_PENDING],
        .verb = view->bar.verb,
        .current = totals[OUTCOME_CURRENT],
        .held = totals[OUTCOME_HELD],
        .failed = report_text_problems(totals) - totals[OUTCOME_CANCELLED] - totals[OUTCOME_HELD],
        .brief = true,
        .color = view->bar.color,
        .utf8 = view->bar.utf8,
        .head_columns = layout->head,
        .bar_columns = layout->bar,
    };
    struct strbuf out;

    strbuf_init(&out, parent);
    pad(&out, report_text_line(parent, group->wave->name, layout->name), layout->name);
    strbuf_printf(&out, "  %s", report_text_ink(inked, progress_words_wave_ink(wave->state)));
    pad(&out, progress_words_wave(parent, wave, view->now_ms), layout->state);
    strbuf_printf(&out, "%s  ", report_text_ink(inked, INK_OFF));
    if (front >= view->columns) { /* no room for counts: the name and state alone, cut */
        add_text(parent, rows, view, INK_OFF,
                 mem_printf(parent, "%s %s", group->wave->name, report_waves_state(wave->state)));
        return;
    }
    if (bar.bar_columns == 0)
        bar.bar_columns = view->columns; /* which never fits */
    progress_bar_print(&bar, &out, view->columns - front);
    add_row(parent, rows, out.text);
}

/* Which waves: all, or the ones around the first that has not passed and a row for the others. */
static void add_waves(void *parent, struct progress_rows *rows, const struct progress_view *view,
                      size_t room)
{
    struct layout layout = lay_out(parent, view);
    size_t count = wave_count(view);
    size_t shown = count <= room ? count : room - 1;
    size_t first = 0;

    if (room == 0)
        return;
    while (first + shown < count && view->so_far->waves[first].state == RUN_WAVE_PASSED)
        first++;
    for (size_t i = first; i < first + shown; i++)
        add_wave(parent, rows, view, &layout, i);
    if (shown < count)
        add_text(
            parent, rows, view, INK_OFF,
            mem_printf(parent, shown ? "and %s" : "%s",
                       report_text_count(parent, count - shown, shown ? "more wave" : "wave")));
}

/* --- servers --------------------------------------------------------------------------------- */

static size_t troubled_servers(const struct progress_view *view)
{
    size_t count = 0;

    for (size_t i = 0; view->so_far->servers && i < view->request->fleet->server_count; i++)
        count += view->so_far->servers[i].schedule.state != SCHEDULE_SERVER_UP;
    return count;
}

static void add_servers(void *parent, struct progress_rows *rows, const struct progress_view *view,
                        size_t room)
{
    const struct fleet *fleet = view->request->fleet;
    size_t count = troubled_servers(view);
    size_t shown = count <= room ? count : room - 1;
    size_t left = shown;

    if (room == 0)
        return;
    for (size_t i = 0; left > 0 && i < fleet->server_count; i++) {
        const struct run_server *server = &view->so_far->servers[i];
        char *words = progress_words_server(parent, server);

        if (!words)
            continue;
        add_text(parent, rows, view, progress_words_server_ink(server->schedule.state),
                 mem_printf(parent, "%s: %s", fleet->servers[i].name, words));
        left--;
    }
    if (shown < count)
        add_text(
            parent, rows, view, INK_WARN,
            mem_printf(parent, shown ? "and %s" : "%s in trouble",
                       report_text_count(parent, count - shown, shown ? "more server" : "server")));
}

/* --- all ------------------------------------------------------------------------------------- */

void progress_block_make(void *parent, const struct progress_view *view, struct progress_rows *ret)
{
    size_t room = view->rows - 1; /* the bar's own */
    size_t waves = wave_count(view);
    size_t servers = troubled_servers(view);
    struct strbuf bar;

    if (waves + servers > room) {
        size_t half = room - room / 2; /* of an odd number the servers get the middle one */

        servers = servers < half ? servers : waves < room / 2 ? room - waves : half;
        waves = room - servers;
    }
    add_waves(parent, ret, view, waves);
    add_servers(parent, ret, view, servers);
    strbuf_init(&bar, parent);
    progress_bar_print(&view->bar, &bar, view->columns);
    add_row(parent, ret, bar.text);
}
