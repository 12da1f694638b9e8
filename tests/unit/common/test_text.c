/*
 * test_text.c: durations, sizes, numbers, nearest words.
 */
#include "common/mem.h"
#include "common/text.h"

#include <criterion/criterion.h>

Test(text, whole_numbers_in_range)
{
    static const struct {
        const char *text;
        bool good;
        int64_t value;
    } cases[] = {
        {"0", true, 0},     {"10", true, 10},
        {"-5", true, -5},   {"007", true, 7},
        {"100", true, 100}, {"101", false, 0},
        {"-11", false, 0},  {"", false, 0},
        {"-", false, 0},    {" 5", false, 0},
        {"5 ", false, 0},   {"+5", false, 0},
        {"5x", false, 0},   {"0x10", false, 0},
        {"1.0", false, 0},  {"99999999999999999999", false, 0},
    };

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        int64_t value = 0;

        cr_expect_eq(text_to_int64(cases[i].text, -10, 100, &value), cases[i].good, "\"%s\"",
                     cases[i].text);
        cr_expect_eq(value, cases[i].value, "\"%s\"", cases[i].text);
    }
}

Test(text, durations)
{
    static const struct {
        const char *text;
        int64_t ms; /* -1: not a duration */
    } cases[] = {
        {"500ms", 500},
        {"10s", 10000},
        {"5m", 300000},
        {"4h", 14400000},
        {"1d", 86400000},
        {"0", 0},
        {"0s", 0},
        {"10", -1},
        {"", -1},
        {"s", -1},
        {"-5s", -1},
        {"5 s", -1},
        {"5S", -1},
        {"5sec", -1},
        {"1.5s", -1},
        {"1h30m", -1},
        {" 5s", -1},
        {"99999999999999999999s", -1},
        {"9223372036854775807d", -1},
    };

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        int64_t ms = -1;

        cr_expect_eq(text_to_duration(cases[i].text, &ms), cases[i].ms >= 0, "\"%s\"",
                     cases[i].text);
        cr_expect_eq(ms, cases[i].ms, "\"%s\"", cases[i].text);
    }
}

Test(text, durations_are_written_in_their_shortest_exact_form)
{
    static const struct {
        int64_t ms;
        const char *text;
    } cases[] = {
        {0, "0"},      {1, "1ms"},      {1500, "1500ms"}, {90000, "90s"},
        {60000, "1m"}, {3600000, "1h"}, {86400000, "1d"}, {5400000, "90m"},
    };
    void *mem = mem_context(NULL);

    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        cr_expect_str_eq(text_from_duration(mem, cases[i].ms), cases[i].text);
    talloc_free(mem);
}

Test(text, elapsed_time_for_people)
{
    static const struct {
        int64_t ms;
        const char *text;
    } cases[] = {
        {0, "0ms"},         {830, "830ms"},       {1000, "1.0s"},    {41234, "41.2s"},
        {59999, "59.9s"},   {60000, "1m00s"},     {200000, "3m20s"}, {3599999, "59m59s"},
        {3600000, "1h00m"}, {90061000, "25h01m"},
    };
    void *mem = mem_context(NULL);

    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        cr_expect_str_eq(text_elapsed(mem, cases[i].ms), cases[i].text);
    talloc_free(mem);
}

Test(text, sizes)
{
    static const struct {
        const char *text;
        bool good;
        struct text_size size;
    } cases[] = {
        {"0", true, {0, false}},
        {"10", true, {10, false}},
        {"10%", true, {10, true}},
        {"0%", true, {0, true}},
        {"100%", true, {100, true}},
        {"101%", false, {0, false}},
        {"-1", false, {0, false}},
        {"-1%", false, {0, false}},
        {"%", false, {0, false}},
        {"", false, {0, false}},
        {"5 %", false, {0, false}},
        {"5%%", false, {0, false}},
        {"1.5%", false, {0, false}},
        {"99999999999", false, {0, false}},
        {"1000000000000000000000000000000", false, {0, false}},
    };

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct text_size size = {0, false};

        cr_expect_eq(text_to_size(cases[i].text, &size), cases[i].good, "\"%s\"", cases[i].text);
        cr_expect_eq(size.value, cases[i].size.value, "\"%s\"", cases[i].text);
        cr_expect_eq(size.percent, cases[i].size.percent, "\"%s\"", cases[i].text);
    }
}

Test(text, a_share_is_rounded_down)
{
    cr_expect_eq(text_size_of((struct text_size){10, true}, 19), 1);
    cr_expect_eq(text_size_of((struct text_size){10, true}, 9), 0);
    cr_expect_eq(text_size_of((struct text_size){100, true}, 7), 7);
    cr_expect_eq(text_size_of((struct text_size){3, false}, 7), 3);
}

Test(text, globs_match_the_whole)
{
    cr_expect(text_glob("store-*", "store-0001"));
    cr_expect(text_glob("store-000[12]", "store-0002"));
    cr_expect(text_glob("*", ""));
    cr_expect_not(text_glob("store", "store-1"));
    cr_expect_not(text_glob("STORE-*", "store-1"));
}

Test(text, a_word_fits_itself_or_is_a_glob)
{
    cr_expect(text_fits("a[b", "a[b"));
    cr_expect(text_fits("a[b]", "a[b]"));
    cr_expect(text_fits("a[b]", "ab"));
    cr_expect(text_fits("a*", "abc"));
    cr_expect_not(text_fits("a", "abc"));
}

Test(text, nearest_word)
{
    static const char *const words[] = {"workers", "per_server", "user", "host", "s"};
    static const struct {
        const char *word;
        const char *nearest;
    } cases[] = {
        {"wrokers", "workers"},
        {"per_sever", "per_server"},
        {"perserver", "per_server"},
        {"usr", "user"},
        {"User", "user"},
        {"hots", NULL},
        {"hosts", "host"},
        {"colour", NULL},
        {"q", NULL},
        {"", NULL},
    };

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        const char *nearest = text_nearest(cases[i].word, words, ARRAY_LEN(words));

        if (cases[i].nearest)
            cr_expect_str_eq(nearest ? nearest : "nothing", cases[i].nearest);
        else
            cr_expect_null(nearest, "\"%s\" gives \"%s\"", cases[i].word, nearest);
    }
}

Test(text, the_nearest_of_several_wins)
{
    static const char *const words[] = {"max_held", "max_locked", "max_failures"};

    cr_expect_str_eq(text_nearest("max_lock", words, ARRAY_LEN(words)), "max_locked");
}

Test(text, very_long_words_have_no_nearest)
{
    char word[500];
    const char *const words[] = {"a", word};

    memset(word, 'a', sizeof(word) - 1);
    word[sizeof(word) - 1] = '\0';
    cr_expect_null(text_nearest(word, words, ARRAY_LEN(words)));
}

Test(text, characters_not_bytes)
{
    cr_expect_eq(text_chars("h\303\266he", 5), 4);
    cr_expect_eq(text_chars("", 0), 0);
}

Test(text, control_characters_are_shown)
{
    char *text = text_printable(NULL, "a\nb\033[31m\177");

    cr_expect_str_eq(text, "a\\x0Ab\\x1B[31m\\x7F");
    talloc_free(text);
}

Test(text, printable_text_stays)
{
    char *text = text_printable(NULL, "caf\303\251 \"x\"");

    cr_expect_str_eq(text, "caf\303\251 \"x\"");
    talloc_free(text);
}

Test(text, is_cut_at_a_character)
{
    cr_expect_eq(text_cut("abc", 3), 3);
    cr_expect_eq(text_cut("abcd", 3), 3);
    cr_expect_eq(text_cut("abö", 3), 2, "not in the middle of it");
    cr_expect_eq(text_cut("aö", 3), 3);
    cr_expect_eq(text_cut("\xE2\x82\xAC", 2), 0);
    cr_expect_eq(text_cut("", 0), 0);
}

Test(text, a_name_is_utf8_without_control_characters)
{
    cr_expect(text_is_name(""));
    cr_expect(text_is_name("it's \"1\" %s \xC3\xBC \xE2\x82\xAC \xF0\x9F\x98\x80"));
    cr_expect_not(text_is_name("a\nb"));
    cr_expect_not(text_is_name("a\x7F"));
    cr_expect_not(text_is_name("a\xFF"));
    cr_expect_not(text_is_name("\xC3"), "cut off");
    cr_expect_not(text_is_name("\xC0\xAF"), "overlong");
    cr_expect_not(text_is_name("\xED\xA0\x80"), "a surrogate");
}
