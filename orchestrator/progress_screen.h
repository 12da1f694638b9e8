/*
 * progress_screen.h: the last rows of a terminal, redrawn in place, and what scrolls above them.
 *
 * The window may be resized at any time: its size is asked at each draw. Nothing here can fail:
 * what cannot be written is lost.
 */
#ifndef ORCHESTRATOR_PROGRESS_SCREEN_H
#define ORCHESTRATOR_PROGRESS_SCREEN_H

#include "orchestrator/progress_block.h"

/* How many rows a block may have on the terminal `fd`, at most half of the window's, and columns.
 * Where the terminal does not say: of a window of 24 rows and 80 columns. */
void progress_screen_size(int fd, size_t *ret_rows, size_t *ret_columns);

/* Replaces the rows by others, in one write: `above` (whole lines, may be empty) scrolls away. No
 * rows: the cursor stands at the beginning of an empty line. */
void progress_screen_draw(int fd, const struct strbuf *above, const struct progress_rows *rows);

/* Writes all of it, also where that takes a moment; what cannot be written is lost. */
void progress_screen_write(int fd, const char *bytes, size_t len);

#endif
