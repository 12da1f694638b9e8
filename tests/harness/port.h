/*
 * port.h: free TCP ports of 127.0.0.1.
 */
#ifndef TESTS_HARNESS_PORT_H
#define TESTS_HARNESS_PORT_H

#include "common/base.h"

/*
 * A port that nobody listened on a moment ago, below the range from which outgoing connections
 * get theirs. Somebody may still be faster: who listens on it must be ready to ask again.
 */
int port_pick(void);

/* A listening, close-on-exec, non-blocking socket on `port` of 127.0.0.1; -1: it is taken. */
int port_listen(int port);

/* The same on a port of its own choice, put into *ret_port. */
int port_listen_any(int *ret_port);

#endif
