#ifndef MAILBEARER_DAEMON_DIAL_H
#define MAILBEARER_DAEMON_DIAL_H

#include "lib/deadline.h"
#include "lib/err.h"

/*
 * A TCP connection to a host by name. The first eight of its addresses are tried in turn, each for half of the time
 * that is left, so that the next ones get a chance, too; the last one for all of it. EINTR is retried.
 *
 * host, service: a name or a numeric address, and a port; neither is NULL. family: AF_UNSPEC, AF_INET or AF_INET6.
 * Returns a non-blocking, close-on-exec descriptor, the caller's to close; or -1 with *err set to the reason alone,
 * which names no host: ERR_TIMEOUT, ERR_UNREACHABLE. It is the reason of the first address, since the resolver puts
 * those to the end that this host has no route to. Blocks up to the deadline, and for as long as the resolver takes:
 * who cannot wait for that calls it in a child.
 */
int dial_tcp(const char *host, const char *service, int family, struct deadline deadline, struct err *err);

#endif
