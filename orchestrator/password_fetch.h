/*
 * password_fetch.h: the password command, which a signal ends before it ends us. Main thread,
 * before any other is started.
 */
#ifndef ORCHESTRATOR_PASSWORD_FETCH_H
#define ORCHESTRATOR_PASSWORD_FETCH_H

#include "common/err.h"
#include "config/fleet.h"

/* As fleet_fetch_password(). */
int password_fetch(struct fleet *fleet, struct err *err) MUST_CHECK;

#endif
