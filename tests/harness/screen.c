/*
 * screen.c: a small terminal.
 *
 * DESIGN. What was written is kept as logical lines, which end where a "\n" moved on from them; the
 * window is a view of their last rows, wrapped to its columns. So wrapping anew at a resize needs
 * nothing more than the new width. The cursor is a line and a cell in it.
 */
#include "tests/harness/screen.h"

#include "common/mem.h"
#include "common/strbuf.h"
#include "tests/harness/harness.h"

#include <limits.h>
#include <wchar.h>

struct line {
    wchar_t *cells; /* one a column; 0: behind a wide one */
    size_t count;
    size_t capacity;
};

struct screen {
    size_t rows;
    size_t columns;
    struct line *lines;
    size_t count;
    size_t capacity;
    size_t top;  /* the first row in the window; those above have scrolled away */
    size_t line; /* the cursor's */
    size_t cell;
    bool clips;  /* what is behind the last column is lost (DECAWM off) */
    bool behind; /* a row was filled: the cursor waits behind its last column, in the same row */
    char pending[32]; /* of a sequence or character that is not complete yet */
    size_t pending_len;
};

static void need_line(struct screen *screen, size_t index)
{
    if (index >= screen->count)
        mem_grow(screen, &screen->lines, &screen->capacity, index + 1);
    while (screen->count <= index)
        screen->lines[screen->count++] = (struct line){0};
}

struct screen *screen_new(const void *parent, size_t rows, size_t columns)
{
    struct screen *screen = mem_new(parent, struct screen);

    screen->rows = rows;
    screen->columns = columns;
    need_line(screen, 0);
    return screen;
}

/* --- rows: lines as wrapped ------------------------------------------------------------------ */

static size_t rows_of(const struct screen *screen, size_t line)
{
    size_t count = screen->lines[line].count;

    if (line == screen->line && screen->cell > count)
        count = screen->cell;
    return count <= screen->columns ? 1 : (count + screen->columns - 1) / screen->columns;
}

static size_t rows_before(const struct screen *screen, size_t line)
{
    size_t rows = 0;

    for (size_t i = 0; i < line; i++)
        rows += rows_of(screen, i);
    return rows;
}

/* The cell that the cursor stands on, or behind. */
static size_t cursor_cell(const struct screen *screen)
{
    return screen->behind && screen->cell % screen->columns == 0 ? screen->cell - 1 : screen->cell;
}

static size_t cursor_row(const struct screen *screen)
{
    return rows_before(screen, screen->line) + cursor_cell(screen) / screen->columns;
}

/* The window follows the cursor downwards. */
static void follow(struct screen *screen)
{
    size_t row = cursor_row(screen);

    if (row >= screen->top + screen->rows)
        screen->top = row - screen->rows + 1;
}

/* As many rows as fit, those from above come back; but the cursor stays in the window, so it is
 * rows below it that a lower window loses. */
void screen_resize(struct screen *screen, size_t rows, size_t columns)
{
    size_t all;

    screen->rows = rows;
    screen->columns = columns;
    all = rows_before(screen, screen->count);
    screen->top = all > rows ? all - rows : 0;
    if (cursor_row(screen) < screen->top)
        screen->top = cursor_row(screen);
}

static void go_to_row(struct screen *screen, size_t row, size_t column)
{
    size_t line = 0;
    size_t first = 0;

    while (line + 1 < screen->count && first + rows_of(screen, line) <= row)
        first += rows_of(screen, line++);
    screen->line = line;
    screen->cell = (row - first) * screen->columns + column;
    screen->behind = false;
}

/* --- what the bytes do ----------------------------------------------------------------------- */

static void put(struct screen *screen, wchar_t character)
{
    struct line *line = &screen->lines[screen->line];
    int width = wcwidth(character);

    if (screen->clips && screen->behind && screen->cell > 0 && screen->cell % screen->columns == 0)
        screen->cell--; /* over the last one */
    for (int i = 0; i < width; i++) {
        mem_grow(screen, &line->cells, &line->capacity, screen->cell + 1);
        while (line->count <= screen->cell)
            line->cells[line->count++] = L' ';
        line->cells[screen->cell++] = i ? 0 : character;
    }
    screen->behind = true; /* counts where a row is full only */
}

static void carriage_return(struct screen *screen)
{
    screen->cell = cursor_cell(screen) / screen->columns * screen->columns;
    screen->behind = false;
}

/* Down one row; the terminal driver has put a carriage return before it. */
static void line_feed(struct screen *screen)
{
    size_t next = cursor_row(screen) + 1;

    if (next < rows_before(screen, screen->line) + rows_of(screen, screen->line)) {
        go_to_row(screen, next, 0); /* within a wrapped line */
        return;
    }
    need_line(screen, ++screen->line);
    screen->cell = 0;
    screen->behind = false;
}

static void up(struct screen *screen, size_t count)
{
    size_t row = cursor_row(screen);

    go_to_row(screen, row - screen->top > count ? row - count : screen->top, 0);
}

static void clear_line(struct screen *screen)
{
    struct line *line = &screen->lines[screen->line];
    size_t end = (cursor_cell(screen) / screen->columns + 1) * screen->columns;

    if (line->count <= end)
        line->count = line->count < screen->cell ? line->count : screen->cell;
    else
        for (size_t i = screen->cell; i < end; i++)
            line->cells[i] = L' ';
}

/* The whole row that the cursor is in. */
static void clear_row(struct screen *screen)
{
    size_t cell = screen->cell;

    screen->cell = cursor_cell(screen) / screen->columns * screen->columns;
    screen->behind = false;
    clear_line(screen);
    screen->cell = cell;
}

static void clear_below(struct screen *screen)
{
    struct line *line = &screen->lines[screen->line];

    line->count = line->count < screen->cell ? line->count : screen->cell;
    screen->count = screen->line + 1;
}

static void control(struct screen *screen, char final, const char *numbers)
{
    switch (final) {
    case 'A':
        up(screen, (size_t)(*numbers ? strtol(numbers, NULL, 10) : 1));
        break;
    case 'J':
        clear_below(screen);
        break;
    case 'K':
        if (strcmp(numbers, "2") == 0)
            clear_row(screen);
        else
            clear_line(screen);
        break;
    case 'm':
        break;
    case 'h':
    case 'l':
        if (strcmp(numbers, "?7") != 0)
            harness_die("the screen does not know CSI %s%c", numbers, final);
        screen->clips = final == 'l';
        break;
    default:
        harness_die("the screen does not know CSI %s%c", numbers, final);
    }
}

/* --- reading --------------------------------------------------------------------------------- */

/* A sequence in `pending`: true when it is complete, and done. */
static bool take_sequence(struct screen *screen)
{
    char *text = screen->pending;
    char final = text[screen->pending_len - 1];

    if (screen->pending_len < 3)
        return screen->pending_len == 2 && final != '['
                   ? (harness_die("the screen does not know ESC %c", final), false)
                   : false;
    if (final < '@')
        return false;
    text[screen->pending_len - 1] = '\0';
    control(screen, final, text + 2);
    return true;
}

static bool take_character(struct screen *screen)
{
    mbstate_t state = {0};
    wchar_t character;
    size_t len = mbrtowc(&character, screen->pending, screen->pending_len, &state);

    if (len == (size_t)-2)
        return false;
    if (len == (size_t)-1 || wcwidth(character) < 0)
        harness_die("the screen cannot show byte %02X", (unsigned char)screen->pending[0]);
    put(screen, character);
    return true;
}

static void take(struct screen *screen, char byte)
{
    bool done;

    if (screen->pending_len == 0 && byte == '\r') {
        carriage_return(screen);
        return;
    }
    if (screen->pending_len == 0 && byte == '\n') {
        line_feed(screen);
        return;
    }
    if (screen->pending_len == sizeof(screen->pending) - 1)
        harness_die("a sequence without end on the screen");
    screen->pending[screen->pending_len++] = byte;
    done = screen->pending[0] == '\033' ? take_sequence(screen) : take_character(screen);
    if (done)
        screen->pending_len = 0;
}

void screen_feed(struct screen *screen, const char *bytes, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        take(screen, bytes[i]);
        follow(screen);
    }
}

/* --- looking --------------------------------------------------------------------------------- */

/* Cells of one row, and what is blank at its end left out. */
static void add_row(struct strbuf *out, const struct screen *screen, const struct line *line,
                    size_t from)
{
    size_t end = from + screen->columns < line->count ? from + screen->columns : line->count;
    char bytes[MB_LEN_MAX + 1];
    mbstate_t state = {0};

    while (end > from && line->cells[end - 1] == L' ')
        end--;
    for (size_t i = from; i < end; i++) {
        size_t len = line->cells[i] ? wcrtomb(bytes, line->cells[i], &state) : 0;

        strbuf_add(out, bytes, len);
    }
    strbuf_char(out, '\n');
}

/* From that row on to the last one in the window. */
static const char *text_from(const struct screen *screen, size_t first_row)
{
    struct strbuf out;
    size_t row = 0;

    strbuf_init(&out, screen);
    for (size_t i = 0; i < screen->count; i++) {
        for (size_t j = 0; j < rows_of(screen, i); j++, row++) {
            if (row >= first_row && row < screen->top + screen->rows)
                add_row(&out, screen, &screen->lines[i], j * screen->columns);
        }
    }
    while (out.len > 0 && out.text[out.len - 1] == '\n')
        out.text[--out.len] = '\0';
    return out.text;
}

const char *screen_text(const struct screen *screen)
{
    return text_from(screen, screen->top);
}

const char *screen_all(const struct screen *screen)
{
    return text_from(screen, 0);
}
