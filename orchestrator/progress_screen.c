/*
 * progress_screen.c: the last rows of a terminal, redrawn in place.
 *
 * DESIGN. The cursor waits at the end of the last row. A draw goes back to where the first row
 * begins, writes each row and clears what the old one has left behind it, all in one write, so that
 * the terminal never shows a half-drawn state. Windows that were made narrower have wrapped the
 * rows, as most terminals do; then the way back is longer. At most half of a window is used: rows
 * that a lower window pushes out at the top cannot be taken back.
 */
#include "orchestrator/progress_screen.h"

#include "common/mem.h"

#include <errno.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define CLEAR_LINE "\033[K"  /* from the cursor to the end of the line */
#define CLEAR_BELOW "\033[J" /* to the end of the screen */

void progress_screen_write(int fd, const char *bytes, size_t len)
{
    while (len > 0) {
        ssize_t written = write(fd, bytes, len);
        struct pollfd wait = {.fd = fd, .events = POLLOUT};

        if (written >= 0) {
            bytes += written;
            len -= (size_t)written;
        } else if (errno == EAGAIN) {
            if (poll(&wait, 1, 1000) <= 0)
                return;
        } else if (errno != EINTR) {
            return;
        }
    }
}

void progress_screen_size(const struct progress_screen *screen, size_t *ret_rows,
                          size_t *ret_columns)
{
    struct winsize size = {0};

    if (ioctl(screen->fd, TIOCGWINSZ, &size) < 0)
        size = (struct winsize){0};
    *ret_rows = size.ws_row == 0 ? 24 / 2 : size.ws_row < 2 ? 1 : size.ws_row / 2;
    *ret_columns = size.ws_col == 0 ? 80 : size.ws_col;
}

/* How many rows above the cursor's the first row stands. */
static size_t way_back(const struct progress_rows *drawn, size_t columns)
{
    size_t lines = 0;

    for (size_t i = 0; i < drawn->count; i++)
        lines += drawn->items[i].columns <= columns
                     ? 1
                     : (drawn->items[i].columns + columns - 1) / columns;
    return lines > 0 ? lines - 1 : 0;
}

static void remember(void *parent, struct progress_screen *screen, const struct progress_rows *rows)
{
    size_t count = rows ? rows->count : 0;

    mem_grow(parent, &screen->drawn.items, &screen->drawn.capacity, count);
    for (size_t i = 0; i < count; i++)
        screen->drawn.items[i] = (struct progress_row){.columns = rows->items[i].columns};
    screen->drawn.count = count;
}

void progress_screen_draw(void *parent, struct progress_screen *screen, const struct strbuf *above,
                          const struct progress_rows *rows)
{
    size_t count = rows ? rows->count : 0;
    struct strbuf out;
    size_t height;
    size_t columns;
    size_t back;

    progress_screen_size(screen, &height, &columns);
    back = way_back(&screen->drawn, columns);
    strbuf_init(&out, parent);
    strbuf_char(&out, '\r');
    if (back > 0)
        strbuf_printf(&out, "\033[%zuA", back);
    if (above->len > 0 || back + 1 > count)
        strbuf_str(&out, CLEAR_BELOW);
    strbuf_add(&out, above->text, above->len);
    for (size_t i = 0; i < count; i++)
        strbuf_printf(&out, "%s%s" CLEAR_LINE, i ? "\n" : "", rows->items[i].text);
    progress_screen_write(screen->fd, out.text, out.len);
    strbuf_release(&out);
    remember(parent, screen, rows);
}
