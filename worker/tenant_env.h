/*
 * tenant_env.h: what a program that works on one tenant finds in its environment: libpq's own
 * variables, so that psql and its like just connect, and PGTIDE_*.
 */
#ifndef WORKER_TENANT_ENV_H
#define WORKER_TENANT_ENV_H

#include "common/base.h"
#include "common/environment.h"
#include "config/fleet.h"
#include "worker/job.h"

/* How pgtide itself reaches the tenant: direct_dsn where there is one. */
const struct name_values *tenant_env_connection(const struct tenant *tenant);

/*
 * PGTIDE_TENANT, _SERVER, _DATABASE, _SCHEMA, _RUN, _OPERATION, _ATTEMPT, _VERSION;
 * PGTIDE_VAR_<NAME> and PGTIDE_LABEL_<NAME>; PGHOST, PGPORT, PGUSER, PGDATABASE, PGPASSWORD and
 * whatever else libpq reads, as the tenant's connection has it; search_path of a tenant with a
 * schema in PGOPTIONS.
 */
void tenant_env_set(struct environment *env, const struct job *job);

#endif
