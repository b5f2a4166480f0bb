#ifndef MAILBEARER_TOKEND_SANDBOX_H
#define MAILBEARER_TOKEND_SANDBOX_H

#include <stdbool.h>

#include "lib/err.h"

/*
 * From here on this process and every thread it starts has the system calls that its loop needs and no others: no new
 * program, no tracing of other processes, no mounts, no rights, no sockets but AF_UNIX, AF_INET and AF_INET6. A refused
 * call fails with ENOSYS, as on a kernel that is older than it, so that a library takes the way that it has for those;
 * a refused socket with EAFNOSUPPORT. seccomp(2), libseccomp.
 * Threads that are there already are taken along.
 *
 * To be called once, with no new privileges. There is no way back. 0, also where the
 * build or the kernel has no seccomp (sandbox_is_built() tells), or -1 with *err set.
 */
int sandbox_enter(struct err *err);

/* Whether sandbox_enter does anything in this build. */
bool sandbox_is_built(void);

#endif
