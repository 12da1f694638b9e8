/*
 * test_text_file.c: reading, summing up, line ends.
 */
#include "catalog/text_file.h"
#include "common/mem.h"
#include "common/sha256.h"
#include "tests/harness/tmpdir.h"

#include <criterion/criterion.h>
#include <sys/stat.h>
#include <unistd.h>

Test(text_file, line_ends)
{
    static const struct {
        const char *bytes;
        const char *text;
    } cases[] = {
        {"", ""},
        {"a\nb", "a\nb"},
        {"a\r\nb\r\n", "a\nb\n"},
        {"a\rb\r\r\nc\r", "a\rb\r\nc\r"},
        {"\xEF\xBB\xBF"
         "a",
         "a"},
        {"a\xEF\xBB\xBF", "a\xEF\xBB\xBF"},
        {"\xEF\xBB", "\xEF\xBB"},
    };

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        size_t len;
        char *text = text_file_normalise(NULL, cases[i].bytes, strlen(cases[i].bytes), &len);

        cr_expect_str_eq(text, cases[i].text);
        cr_expect_eq(len, strlen(cases[i].text));
        talloc_free(text);
    }
}

Test(text_file, reads_and_sums_up)
{
    void *mem = mem_context(NULL);
    const char *dir = tmpdir_new(mem);
    char *path = tmpdir_path(mem, dir, "a");
    char *big = mem_array(mem, char, 200001);
    struct err err = ERR_INIT;
    const char *checksum;
    char *bytes;
    size_t len;
    int64_t size;

    memset(big, 'x', 200000);
    tmpdir_write(dir, "a", big);
    cr_assert_eq(text_file_read(mem, path, "shown", &bytes, &len, &err), 0);
    cr_expect_eq(len, 200000);
    cr_expect_str_eq(bytes, big);
    cr_assert_eq(text_file_checksum(mem, path, "shown", &checksum, &size, &err), 0);
    cr_expect_eq(size, 200000);
    cr_expect_str_eq(checksum, sha256_text(mem, big, 200000));
    talloc_free(mem);
}

static void expect_refused(const char *path, enum err_kind kind, const char *message)
{
    void *mem = mem_context(NULL);
    struct err err = ERR_INIT;
    const char *checksum;
    char *bytes;
    size_t len;
    int64_t size;

    cr_assert_eq(text_file_read(mem, path, "shown", &bytes, &len, &err), -1);
    cr_expect_eq(err.kind, kind);
    cr_expect_str_eq(err.file, "shown");
    cr_expect_str_eq(err.message, message);
    if (kind != ERR_DATA || strcmp(message, "not a regular file") == 0)
        cr_expect_eq(text_file_checksum(mem, path, "shown", &checksum, &size, &err), -1);
    err_clear(&err);
    talloc_free(mem);
}

Test(text_file, refused)
{
    void *mem = mem_context(NULL);
    const char *dir = tmpdir_new(mem);
    char *fifo = tmpdir_path(mem, dir, "fifo");
    char *huge = tmpdir_path(mem, dir, "huge");

    expect_refused(tmpdir_path(mem, dir, "none"), ERR_NOINPUT,
                   "cannot read the file: No such file or directory");
    cr_assert_eq(mkfifo(fifo, 0600), 0);
    expect_refused(fifo, ERR_DATA, "not a regular file");
    tmpdir_write(dir, "huge", "");
    cr_assert_eq(truncate(huge, TEXT_FILE_MOST + 1), 0);
    expect_refused(huge, ERR_DATA, "file of 64 MiB, the most is 64 MiB");
    talloc_free(mem);
}
