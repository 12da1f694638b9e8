/*
 * progress_screen.h: the last rows of a terminal, redrawn in place, and what scrolls above them.
 *
 * The window may be resized at any time: its size is asked at each draw, and rows that a narrower
 * window has wrapped are found again. Nothing here can fail: what cannot be written is lost.
 */
#ifndef ORCHESTRATOR_PROGRESS_SCREEN_H
#define ORCHESTRATOR_PROGRESS_SCREEN_H

#include "orchestrator/progress_block.h"

struct progress_screen {
    int fd;
    struct progress_rows drawn; /* what stands there; only their columns count */
};

/* How many rows a block may have there, and columns: 80 and 24 where the terminal does not say. */
void progress_screen_size(const struct progress_screen *screen, size_t *ret_rows,
                          size_t *ret_columns);

/* Replaces the rows by others, in one write: `above` (whole lines, may be empty) scrolls away. No
 * rows: the cursor stands at the beginning of an empty line. `parent` owns what is kept. */
void progress_screen_draw(void *parent, struct progress_screen *screen, const struct strbuf *above,
                          const struct progress_rows *rows);

/* Writes all of it, also where that takes a moment; what cannot be written is lost. */
void progress_screen_write(int fd, const char *bytes, size_t len);

#endif
