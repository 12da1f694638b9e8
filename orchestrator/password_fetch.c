/*
 * password_fetch.c: signals are kept while it runs.
 */
#include "orchestrator/password_fetch.h"

#include "orchestrator/signals.h"

int password_fetch(struct fleet *fleet, struct err *err)
{
    struct signals *signals;
    int rc;

    if (!fleet->password_command)
        return 0;
    if (signals_open(NULL, &signals, err) < 0)
        return -1;
    rc = fleet_fetch_password(fleet, signals_fd(signals), err);
    signals_obey(signals);
    return rc;
}
