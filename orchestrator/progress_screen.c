/*
 * progress_screen.c: the last rows of a terminal, redrawn in place.
 *
 * DESIGN. Between draws the cursor waits where the first row begins. When a window is resized the
 * terminal may wrap the rows anew, and does so before or after we learn the new size; but it keeps
 * the cursor at its character, so that the next draw begins at the right place whatever has become
 * of the rows below. Rows never wrap as they are written. A draw is one write: the terminal never
 * shows half of it. At most half of a window is used, since what a lower window pushes out at the
 * top cannot be taken back.
 *
 * Two habits of tmux: a line that it has wrapped, and that is only written over, counts as one with
 * the next when the window gets wider again, so each line is cleared whole. And to clear everything
 * from the top left corner on moves it all into the history, so that is never done from column 0.
 */
#include "orchestrator/progress_screen.h"

#include "common/mem.h"

#include <errno.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define CLEAR_LINE "\033[2K"
#define CLEAR_RIGHT "\033[K" /* from the cursor to the end of the line */
#define CLEAR_BELOW "\033[J" /* to the end of the screen */
#define WRAP_OFF "\033[?7l"
#define WRAP_ON "\033[?7h"

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

void progress_screen_size(int fd, size_t *ret_rows, size_t *ret_columns)
{
    struct winsize size = {0};

    if (ioctl(fd, TIOCGWINSZ, &size) < 0)
        size = (struct winsize){0};
    *ret_rows = size.ws_row == 0 ? 24 / 2 : size.ws_row < 2 ? 1 : size.ws_row / 2;
    *ret_columns = size.ws_col == 0 ? 80 : size.ws_col;
}

/* Lines that stay: these may wrap. */
static void add_lines(struct strbuf *out, const struct strbuf *lines)
{
    const char *end = lines->text + lines->len;

    for (const char *line = lines->text; line < end;) {
        size_t len = strcspn(line, "\n");

        strbuf_str(out, CLEAR_LINE);
        strbuf_add(out, line, len);
        strbuf_str(out, CLEAR_RIGHT "\n");
        line += len + 1;
    }
}

static void add_rows(struct strbuf *out, const struct progress_rows *rows)
{
    strbuf_str(out, WRAP_OFF);
    for (size_t i = 0; i < rows->count; i++)
        strbuf_printf(out, "%s" CLEAR_LINE "%s", i ? "\n" : "", rows->items[i]);
    strbuf_str(out, CLEAR_BELOW WRAP_ON "\r");
    if (rows->count > 1)
        strbuf_printf(out, "\033[%zuA", rows->count - 1);
}

void progress_screen_draw(int fd, const struct strbuf *above, const struct progress_rows *rows)
{
    struct strbuf out;

    strbuf_init(&out, NULL);
    strbuf_char(&out, '\r');
    add_lines(&out, above);
    if (rows)
        add_rows(&out, rows);
    else
        strbuf_str(&out, CLEAR_LINE " " CLEAR_BELOW "\r" CLEAR_LINE);
    progress_screen_write(fd, out.text, out.len);
    strbuf_release(&out);
}
