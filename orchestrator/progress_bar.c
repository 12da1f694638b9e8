/*
 * progress_bar.c: the bar as text.
 *
 *     213/412 51% [==========          ] 198 migrated, 9 current, 6 failed, 8 in work, 12/s, 16s
 * left
 */
#include "orchestrator/progress_bar.h"

#include "common/mem.h"
#include "common/text.h"
#include "orchestrator/report_text.h"

enum {
    BAR_LEAST = 10, /* narrower it says nothing */
    BAR_MOST = 40,
    BAR_SURE = 30, /* from so many columns on, there is a bar whatever must give way */
    SAMPLE_EVERY_MS = 250,
    RATE_LEAST_MS = 1000,
};

/* One piece of the line behind the bar; the one with the highest `rank` gives way first. */
struct piece {
    const char *text;
    int rank;
    enum report_ink ink;
};

enum { PIECES = 9 };

static char *rate_text(void *mem, double rate)
{
    return mem_printf(mem, rate < 10 ? "%.1f/s" : "%.0f/s", rate);
}

char *progress_bar_time(void *parent, int64_t ms)
{
    const int64_t most = 359999; /* 99h59m */
    int64_t whole = ms < 1500 ? 1 : (ms + 500) / 1000;

    whole = whole > most ? most : whole;
    if (whole < 60)
        return mem_printf(parent, "%llds", (long long)whole);
    if (whole < 3600)
        return mem_printf(parent, "%lldm%02llds", (long long)(whole / 60), (long long)(whole % 60));
    return mem_printf(parent, "%lldh%02lldm", (long long)(whole / 3600),
                      (long long)(whole % 3600 / 60));
}

static char *left_text(void *mem, const struct progress_bar *bar)
{
    int64_t left_ms = bar->left_ms;

    if (left_ms == 0)
        left_ms = (int64_t)((double)(bar->total - bar->ended) * 1000 / bar->rate);
    return mem_printf(mem, "%s left", progress_bar_time(mem, left_ms));
}

static size_t make_pieces(const struct progress_bar *bar, void *mem, struct piece *pieces)
{
    bool going = bar->ended < bar->total;
    bool shows_rate = bar->rate > 0 && going;
    bool knows_left = bar->left_ms > 0 || (bar->left_ms == 0 && shows_rate);
    bool shows_left = knows_left && going && !bar->state;
    size_t count = 0;

    if (bar->state)
        pieces[count++] = (struct piece){bar->state, 0, INK_BAD};
    if (bar->failed)
        pieces[count++] = (struct piece){mem_printf(mem, "%zu failed", bar->failed), 1, INK_BAD};
    if (bar->held)
        pieces[count++] = (struct piece){mem_printf(mem, "%zu held", bar->held), 1, INK_WARN};
    if (bar->done || !bar->brief)
        pieces[count++] =
            (struct piece){mem_printf(mem, "%zu %s", bar->done, bar->verb), 3, INK_GOOD};
    if (bar->current)
        pieces[count++] = (struct piece){mem_printf(mem, "%zu current", bar->current), 5, INK_OFF};
    if (bar->in_work || !bar->brief)
        pieces[count++] = (struct piece){mem_printf(mem, "%zu in work", bar->in_work), 4, INK_OFF};
    if (bar->rows)
        pieces[count++] =
            (struct piece){mem_printf(mem, "%lld rows", (long long)bar->rows), 6, INK_OFF};
    if (shows_rate)
        pieces[count++] = (struct piece){rate_text(mem, bar->rate), 6, INK_OFF};
    if (shows_left)
        pieces[count++] = (struct piece){left_text(mem, bar), 2, INK_OFF};
    return count;
}

static size_t pieces_columns(const struct piece *pieces, size_t count)
{
    size_t columns = 0;

    for (size_t i = 0; i < count; i++)
        columns += strlen(pieces[i].text) + 2; /* ", " or "  " before it */
    return columns;
}

/* Takes away what matters least until the rest fits. */
static size_t fit_pieces(struct piece *pieces, size_t count, size_t columns)
{
    while (count > 0 && pieces_columns(pieces, count) > columns) {
        size_t least = 0;

        for (size_t i = 1; i < count; i++)
            least = pieces[i].rank > pieces[least].rank ? i : least;
        memmove(&pieces[least], &pieces[least + 1], (count - least - 1) * sizeof(*pieces));
        count--;
    }
    return count;
}

static void print_bar(const struct progress_bar *bar, struct strbuf *out, size_t width)
{
    size_t inner = width - 3; /* a blank and the brackets */
    size_t full = bar->total ? bar->ended * inner / bar->total : inner;

    strbuf_str(out, " [");
    for (size_t i = 0; i < inner; i++) {
        if (bar->utf8)
            strbuf_str(out, i < full ? "█" : "░");
        else
            strbuf_char(out, i < full ? '#' : '-');
    }
    strbuf_char(out, ']');
}

/* How wide the bar may be, when the counts around it have taken `used` columns. */
static size_t bar_room(const struct progress_bar *bar, size_t columns, size_t used)
{
    size_t room = columns - used;

    if (bar->bar_columns)
        return bar->bar_columns <= room ? bar->bar_columns : 0;
    return room < BAR_LEAST ? 0 : room < BAR_MOST ? room : BAR_MOST;
}

size_t progress_bar_print(const struct progress_bar *bar, struct strbuf *out, size_t columns)
{
    void *mem = mem_context(NULL);
    char *head = mem_printf(mem, "%zu/%zu", bar->ended, bar->total);
    size_t kept = bar->bar_columns ? bar->bar_columns : columns >= BAR_SURE ? BAR_LEAST : 0;
    struct piece pieces[PIECES];
    size_t count = make_pieces(bar, mem, pieces);
    size_t used;
    size_t room;

    if (strlen(head) < bar->head_columns)
        head = mem_printf(mem, "%*s", (int)bar->head_columns, head);
    used = strlen(head) < columns ? strlen(head) : columns;
    count = fit_pieces(pieces, count, columns - used > kept ? columns - used - kept : 0);
    strbuf_add(out, head, used);
    used += pieces_columns(pieces, count);
    room = bar_room(bar, columns, used);
    if (room > 0)
        print_bar(bar, out, room);
    used += room;
    for (size_t i = 0; i < count; i++) {
        bool inked = bar->color && pieces[i].ink != INK_OFF;

        strbuf_printf(out, "%s%s%s%s", i ? ", " : "  ", report_text_ink(inked, pieces[i].ink),
                      pieces[i].text, report_text_ink(inked, INK_OFF));
    }
    talloc_free(mem);
    return used;
}

void progress_bar_sample(struct progress_rate *rate, int64_t now_ms, size_t ended)
{
    size_t newest = (rate->count + PROGRESS_SAMPLES - 1) % PROGRESS_SAMPLES;

    if (rate->count > 0 && now_ms - rate->samples[newest].at_ms < SAMPLE_EVERY_MS)
        return;
    rate->samples[rate->count % PROGRESS_SAMPLES].at_ms = now_ms;
    rate->samples[rate->count % PROGRESS_SAMPLES].ended = ended;
    rate->count++;
}

double progress_bar_rate(const struct progress_rate *rate, int64_t now_ms, size_t ended)
{
    size_t oldest = rate->count > PROGRESS_SAMPLES ? rate->count % PROGRESS_SAMPLES : 0;
    int64_t seen_ms;

    if (rate->count == 0)
        return 0;
    seen_ms = now_ms - rate->samples[oldest].at_ms;
    if (seen_ms < RATE_LEAST_MS)
        return 0;
    return (double)(ended - rate->samples[oldest].ended) * 1000 / (double)seen_ms;
}
