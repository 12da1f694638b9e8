/*
 * screen.h: a small terminal, for tests of what a person sees: bytes in, rows of text out.
 *
 *     struct screen *screen = screen_new(ctx, 24, 80);
 *     screen_feed(screen, bytes, len);
 *     cr_expect_str_eq(screen_text(screen), "12/40 [###-----]");
 *
 * It knows what pgtide's progress uses: printable UTF-8, \r, \n, and the sequences CSI n A,
 * CSI K, CSI 2K, CSI J, CSI ?7l, CSI ?7h, CSI ... m. Anything else ends the test program, so that
 * nothing is used which is not checked here. Lines wrap as on xterm: at the first character behind
 * the last column. A window that is resized wraps its lines anew, as tmux, VTE and kitty do.
 */
#ifndef TESTS_HARNESS_SCREEN_H
#define TESTS_HARNESS_SCREEN_H

#include "common/base.h"

struct screen;

struct screen *screen_new(const void *parent, size_t rows, size_t columns);
void screen_resize(struct screen *screen, size_t rows, size_t columns);

void screen_feed(struct screen *screen, const char *bytes, size_t len);

/* What stands in the window: rows without trailing blanks, up to the last one that is not empty,
 * joined by "\n". screen_all: with what has scrolled away above. Owned by `screen`. */
const char *screen_text(const struct screen *screen);
const char *screen_all(const struct screen *screen);

#endif
