/*
 * message.c: errors, warnings and notes on standard error.
 */
#include "orchestrator/message.h"

#include "common/mem.h"
#include "common/strbuf.h"
#include "common/text.h"

#include <errno.h>
#include <signal.h>
#include <stdio_ext.h>

/* Text line by line, without control characters. The first line goes on where `out` stands. */
static void add_text(struct strbuf *out, const char *text)
{
    while (*text) {
        size_t len = strcspn(text, "\n");
        char *line = mem_strndup(out->parent, text, len);
        char *printable = text_printable(out->parent, line);

        strbuf_printf(out, "%s\n", printable);
        talloc_free(printable);
        talloc_free(line);
        text += len + (text[len] == '\n');
    }
}

static void add_labelled(struct strbuf *out, const char *label, const char *text)
{
    if (!text || !*text)
        return;
    strbuf_str(out, label);
    add_text(out, text);
}

static void add_error(struct strbuf *out, const struct err *err)
{
    struct err bare = *err;
    char *text;

    bare.detail = NULL;
    bare.hint = NULL;
    text = err_text(out->parent, &bare);
    add_labelled(out, err->file ? "" : "pgtide: error: ", text);
    add_labelled(out, "detail: ", err->detail);
    add_labelled(out, "hint: ", err->hint);
    talloc_free(text);
}

/* One write for all of it, so that it is not torn apart by other output. */
static void print(struct strbuf *out)
{
    fputs(out->text, stderr);
    fflush(stderr);
}

void message_error(const struct err *err)
{
    void *mem = mem_context(NULL);
    struct strbuf out;

    strbuf_init(&out, mem);
    add_error(&out, err);
    print(&out);
    talloc_free(mem);
}

void message_errors(const struct err_list *errors)
{
    void *mem = mem_context(NULL);
    struct strbuf out;

    strbuf_init(&out, mem);
    for (size_t i = 0; i < errors->count; i++)
        add_error(&out, &errors->items[i]);
    if (errors->count > 1)
        strbuf_printf(&out, "pgtide: error: %zu errors\n", errors->count);
    print(&out);
    talloc_free(mem);
}

static void PRINTF_LIKE(2, 0) print_line(const char *label, const char *format, va_list args)
{
    void *mem = mem_context(NULL);
    struct strbuf out;

    strbuf_init(&out, mem);
    add_labelled(&out, label, mem_vprintf(mem, format, args));
    print(&out);
    talloc_free(mem);
}

void message_warning(const char *format, ...)
{
    va_list args;

    va_start(args, format);
    print_line("pgtide: warning: ", format, args);
    va_end(args);
}

void message_note(const char *format, ...)
{
    va_list args;

    va_start(args, format);
    print_line("pgtide: note: ", format, args);
    va_end(args);
}

int message_stdout(bool failed, int code)
{
    const int reader_gone = 128 + SIGPIPE; /* as of a program that the signal ends */
    int reason;

    if (!failed && fflush(stdout) == 0)
        return code;
    reason = errno;
    __fpurge(stdout);    /* or every later flush would fail and complain again */
    if (reason == EPIPE) /* `pgtide list | head` */
        return code ? code : reader_gone;
    errno = reason;
    fprintf(stderr, "pgtide: error: could not write to standard output: %m\n");
    return code ? code : err_exit_code(ERR_INTERNAL);
}

int message_exit_code(const struct err_list *errors)
{
    int code = 0;

    for (size_t i = 0; i < errors->count; i++) {
        int one = err_exit_code(errors->items[i].kind);

        code = one > code ? one : code;
    }
    return code;
}
