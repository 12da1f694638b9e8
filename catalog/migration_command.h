/*
 * migration_command.h: a migration that is a command: <version>_<name>.cmd.yaml.
 *
 *     argv: [./move-images, --all]     the program and its arguments; no shell
 *     timeout: 10m                     none unless given
 *     repeatable: true                 it may be run again when nobody knows whether it was done
 *
 * To the rest of pgtide it is a migration of one statement outside a transaction, whose text is
 * the file.
 */
#ifndef CATALOG_MIGRATION_COMMAND_H
#define CATALOG_MIGRATION_COMMAND_H

#include "catalog/migration.h"
#include "common/base.h"
#include "common/err.h"

#define MIGRATION_COMMAND_ENDING ".cmd.yaml"

/* Whether the migration's file is one of these, by its name. */
bool migration_command_is(const struct migration *migration);

/* In place of migration_parse(), with the same meaning. */
int migration_command_parse(void *parent, const char *bytes, size_t len, struct migration *ret,
                            struct err_list *errors) MUST_CHECK;

#endif
