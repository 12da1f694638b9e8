/*
 * migration_name.c: what the name of a file says: whose form it is, version, name, direction.
 */
#include "catalog/migration.h"

#include "catalog/migration_command.h"
#include "common/mem.h"
#include "common/text.h"

#include <fnmatch.h>

/* What names look like. The first one whose pattern fits counts. */
struct form {
    const char *pattern; /* of fnmatch(3) */
    enum migration_format format;
    bool way_back;
    const char *prefix;    /* before the version */
    const char *separator; /* between version and name; NULL: there is no version */
    const char *ending;
    const char *shown;
};

static const struct form forms[] = {
    {"*.up.sql", MIGRATION_GOLANG_MIGRATE, false, "", "_", ".up.sql", "<version>_<name>.up.sql"},
    {"*.down.sql", MIGRATION_GOLANG_MIGRATE, true, "", "_", ".down.sql",
     "<version>_<name>.down.sql"},
    {"V[0-9]*__*.sql", MIGRATION_FLYWAY, false, "V", "__", ".sql", "V<version>__<name>.sql"},
    {"U[0-9]*__*.sql", MIGRATION_FLYWAY, true, "U", "__", ".sql", "U<version>__<name>.sql"},
    {"R__*.sql", MIGRATION_FLYWAY, false, "R__", NULL, ".sql", "R__<name>.sql"},
    {"R_*.sql", MIGRATION_PGTIDE, false, "R_", NULL, ".sql", "R_<name>.sql"},
    {"*.cmd.yaml", MIGRATION_PGTIDE, false, "", "_", MIGRATION_COMMAND_ENDING,
     "<version>_<name>.cmd.yaml"},
    {"*", MIGRATION_PGTIDE, false, "", "_", ".sql", "<version>_<name>.sql"},
};

/* Names that people of other tools will bring along, and what to do about them. */
static const struct {
    const char *pattern;
    const char *hint;
} known[] = {
    {"B[0-9]*__*.sql", "It is a baseline of Flyway, which sums up the files before it; pgtide runs "
                       "those. Move it out of the folder."},
    {"*.sql.conf", "Script configuration of Flyway is not read. For executeInTransaction=false "
                   "write the line \"-- pgtide: transaction=none\" at the top of the SQL file, and "
                   "move this one out of the folder."},
    {"[0-9]*_*.go", "pgtide runs no Go. Write the change in SQL, or move the file out of the "
                    "folder."},
};

static int fail_name(const char *base, const char *hint, struct err *err)
{
    err_set(err, ERR_DATA, "\"%s\" is not the name of a migration", base);
    err_hint(err, "%s", hint);
    return -1;
}

static int fail_no_version(const struct form *form, const char *base, struct err *err)
{
    if (form->format == MIGRATION_PGTIDE)
        return fail_name(base,
                         "Names are \"<version>_<name>.sql\" with a version of 1 to 18 digits, or "
                         "\"R_<name>.sql\"; README*, *.md and dot files may stand beside them.",
                         err);
    err_set(err, ERR_DATA, "\"%s\" has no version that is a whole number", base);
    if (form->format == MIGRATION_FLYWAY)
        err_hint(err, "pgtide counts versions in whole numbers. Rename the files so that they keep "
                      "their order: V1.2 becomes V1002, say, and V1.10 becomes V1010.");
    else
        err_hint(err, "Names are \"%s\" with a version of 1 to 18 digits.", form->shown);
    return -1;
}

/* Version and name from `stem`, the file name without prefix and ending. */
static int read_version(void *parent, const struct form *form, const char *base, const char *stem,
                        struct migration *ret, struct err *err)
{
    size_t digits = strspn(stem, "0123456789");
    size_t separator = strlen(form->separator);
    bool separated = strncmp(stem + digits, form->separator, separator) == 0;

    if (digits == 0 || stem[digits] == '.' || (!separated && form->format == MIGRATION_FLYWAY) ||
        (!stem[digits] && form->format == MIGRATION_PGTIDE))
        return fail_no_version(form, base, err);
    if (digits > 18)
        return fail_name(base, "A version has 18 digits at most.", err);
    if (!separated || !stem[digits + separator]) {
        fail_name(base, form->shown, err);
        err_hint(err,
                 separated ? "Behind the version and \"%s\" stands a name: \"%s\"."
                           : "Between version and name stands \"%s\": \"%s\".",
                 form->separator, form->shown);
        return -1;
    }
    ret->version = strtoll(stem, NULL, 10);
    if (ret->version == 0)
        return fail_name(base, "The first version is 1.", err);
    ret->kind = MIGRATION_VERSIONED;
    ret->name = mem_strdup(parent, stem + digits + separator);
    return 0;
}

static int read_name(void *parent, const struct form *form, const char *base, struct migration *ret,
                     struct err *err)
{
    size_t prefix = strlen(form->prefix);
    char *stem = mem_strndup(NULL, base + prefix, strlen(base) - prefix - strlen(form->ending));
    int status = 0;

    ret->format = form->format;
    ret->way_back = form->way_back;
    ret->label = mem_strndup(parent, base, strlen(base) - strlen(form->ending));
    if (form->separator) {
        status = read_version(parent, form, base, stem, ret, err);
    } else if (!*stem) {
        status = fail_name(base, form->shown, err);
        err_hint(err, "Behind \"%s\" stands a name: \"%s\".", form->prefix, form->shown);
    } else {
        ret->kind = MIGRATION_REPEATABLE;
        ret->version = 0;
        ret->name = mem_strdup(parent, stem);
    }
    talloc_free(stem);
    return status;
}

int migration_parse_name(void *parent, const char *base, struct migration *ret, struct err *err)
{
    const struct form *form = forms;

    if (!text_is_name(base)) { /* it goes into the history and on terminals */
        char *shown = text_printable(NULL, base);

        fail_name(shown, "It has a control character in it, or is not UTF-8.", err);
        talloc_free(shown);
        return -1;
    }
    for (size_t i = 0; i < ARRAY_LEN(known); i++) {
        if (fnmatch(known[i].pattern, base, 0) == 0)
            return fail_name(base, known[i].hint, err);
    }
    if (fnmatch("?*.sql", base, 0) != 0 && fnmatch("?*" MIGRATION_COMMAND_ENDING, base, 0) != 0)
        return fail_name(base,
                         "Migrations end in \".sql\", or \".cmd.yaml\" where they are commands; "
                         "README*, *.md and dot files may stand beside them.",
                         err);
    while (fnmatch(form->pattern, base, 0) != 0)
        form++; /* the last one fits any name */
    return read_name(parent, form, base, ret, err);
}
