/*
 * input.h: reads what the commands work from, besides fleet.yaml itself (fleet_load): the
 * migrations and the seed sets that it names. Nothing is connected to. Main thread.
 */
#ifndef ORCHESTRATOR_INPUT_H
#define ORCHESTRATOR_INPUT_H

#include "catalog/catalog.h"
#include "common/err.h"
#include "config/fleet.h"
#include "orchestrator/selection.h"

/* Prints the warnings of `fleet` to stderr. */
void input_warn(const struct fleet *fleet);

/* Warns of budgets of waves and servers that can have no effect beside those of the run. */
void input_warn_budgets(const struct fleet *fleet, const struct run_config *config);

/* ERR_CONFIG when `fleet` does not say where its migrations are. */
int input_require_migrations(const struct fleet *fleet, struct err_list *errors) MUST_CHECK;

/*
 * Reads the migrations that `fleet` names. ERR_CONFIG for a folder where it wants a sealed bundle.
 */
int input_load_catalog(void *parent, const struct fleet *fleet, struct catalog **ret,
                       struct err_list *errors) MUST_CHECK;

/*
 * Reads the seed sets `sets` (none: those that the tenants name, each once) into `catalog`, and
 * checks the form of every file. A set that is not there is ERR_NOINPUT, with the place of the
 * tenant that names it.
 */
int input_load_seeds(struct catalog *catalog, const struct fleet *fleet,
                     const struct tenant *const *tenants, size_t tenant_count,
                     const struct words *sets, struct err_list *errors) MUST_CHECK;

/* Checks the form of every seed file of `catalog`. */
int input_check_seeds(const struct catalog *catalog, struct err_list *errors) MUST_CHECK;

#endif
