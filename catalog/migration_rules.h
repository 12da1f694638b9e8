/*
 * migration_rules.h: what may stand in which section of a migration file. Pure.
 */
#ifndef CATALOG_MIGRATION_RULES_H
#define CATALOG_MIGRATION_RULES_H

#include "catalog/migration.h"
#include "common/base.h"
#include "common/err.h"

/*
 * Checks a migration whose sections and directives were read; what is wrong is added to `errors`.
 * `seed`: it is an SQL seed, for the hints.
 */
void migration_rules_check(const struct migration *migration, bool seed, struct err_list *errors);

#endif
