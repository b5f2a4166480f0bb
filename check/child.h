#ifndef MAILBEARER_CHECK_CHILD_H
#define MAILBEARER_CHECK_CHILD_H

#include "lib/buf.h"
#include "lib/err.h"

/*
 * Work that is done in a process of its own, because it may hang, crash, or gives its rights away for good: libsasl2
 * with whatever plugins it finds, a name server's answer, a chroot.
 */

typedef void child_work(void *arg, struct buf *out);

/*
 * Forks, has the child call work(arg, out), and appends what it put there to `out`. The child ends without a word to
 * stdio and without at-exit handlers. 0, or -1: ERR_TIMEOUT (it was killed), or ERR_SYSTEM with the signal that ended
 * it. Blocks for patience_ms at most.
 */
int child_run(child_work *work, void *arg, int patience_ms, struct buf *out, struct err *err);

#endif
