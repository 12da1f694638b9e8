/*
 * cmd_version.c: version; with -v also the libraries it runs with.
 */
#include "orchestrator/cmd.h"

#include <archive.h>
#include <jansson.h>
#include <libpq-fe.h>
#include <openssl/crypto.h>
#include <yaml.h>

int cmd_version(const struct options *options, struct err_list *errors UNUSED)
{
    printf("pgtide " PGTIDE_VERSION "\n");
    if (options->verbose) {
        int libpq = PQlibVersion();

        printf("libpq %d.%d\n", libpq / 10000, libpq % 10000);
        printf("libyaml %s\n", yaml_get_version_string());
        printf("jansson %s\n", jansson_version_str());
        printf("%s\n", archive_version_string());
        printf("%s\n", OpenSSL_version(OPENSSL_VERSION));
    }
    return 0;
}
