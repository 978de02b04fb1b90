/* Connections of loopback. */
#ifndef REPSYNC_TESTS_HELP_SOCKET_H
#define REPSYNC_TESTS_HELP_SOCKET_H

/* Listens on a free port. */
int listen_on_loopback(unsigned *port);
/* -1 where nobody listens. */
int connect_to_loopback(unsigned port);

#endif
