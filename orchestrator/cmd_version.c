/*
 * cmd_version.c: version; with -v also the libraries it runs with.
 */
#include "orchestrator/cmd.h"

#include "catalog/archive_library.h"

#include <jansson.h>
#include <libpq-fe.h>
#include <openssl/crypto.h>
#include <yaml.h>

/* Loaded when needed: it may not be there, and that is good to know here. */
static void show_archive_library(void)
{
    struct archive_library library;
    struct err err = ERR_INIT;

    if (archive_library_load(&library, &err) == 0)
        printf("%s\n", library.archive_version_string());
    else
        printf("%s\n", err.message);
    err_clear(&err);
}

int cmd_version(const struct options *options, struct err_list *errors UNUSED)
{
    printf("pgtide " PGTIDE_VERSION "\n");
    if (options->verbose) {
        int libpq = PQlibVersion();

        printf("libpq %d.%d\n", libpq / 10000, libpq % 10000);
        printf("libyaml %s\n", yaml_get_version_string());
        printf("jansson %s\n", jansson_version_str());
        show_archive_library();
        printf("%s\n", OpenSSL_version(OPENSSL_VERSION));
    }
    return 0;
}
