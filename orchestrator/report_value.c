/*
 * report_value.c: JSON values that cannot fail.
 */
#include "orchestrator/report_value.h"

#include "common/clock.h"
#include "common/mem.h"
#include "orchestrator/report_text.h"

static json_t *checked(json_t *value)
{
    if (!value)
        mem_die(sizeof(json_t *));
    return value;
}

json_t *report_value_object(void)
{
    return checked(json_object());
}

json_t *report_value_array(void)
{
    return checked(json_array());
}

json_t *report_value_text(const char *text)
{
    json_t *value;
    char *repaired;

    if (!text)
        return json_null();
    value = json_string(text);
    if (value)
        return value;
    repaired = report_text_utf8(NULL, text);
    value = checked(json_string(repaired));
    talloc_free(repaired);
    return value;
}

json_t *report_value_int(int64_t number)
{
    return checked(json_integer(number));
}

json_t *report_value_time(int64_t wall_ms)
{
    char *text;
    json_t *value;

    if (wall_ms == 0)
        return json_null();
    text = clock_iso(NULL, wall_ms);
    value = report_value_text(text);
    talloc_free(text);
    return value;
}

void report_value_set(json_t *object, const char *key, json_t *value)
{
    char *repaired = report_text_utf8(NULL, key);

    if (json_object_set_new(object, repaired, value) < 0)
        mem_die(sizeof(json_t *));
    talloc_free(repaired);
}

void report_value_append(json_t *array, json_t *value)
{
    if (json_array_append_new(array, value) < 0)
        mem_die(sizeof(json_t *));
}

int report_value_write(json_t *value, size_t flags, FILE *out)
{
    int rc = json_dumpf(value, out, JSON_COMPACT | flags);

    json_decref(value);
    return rc == 0 && !ferror(out) ? 0 : -1;
}
