#ifndef MAILBEARER_DAEMON_CHILD_H
#define MAILBEARER_DAEMON_CHILD_H

#include <stddef.h>

#include "lib/buf.h"
#include "lib/deadline.h"
#include "lib/err.h"

/*
 * A child process with a deadline and bounds: for a program that is to be run, and for work that may hang, crash, or
 * gives its rights away for good (libsasl2 with whatever plugins it finds, a name server's answer, a chroot).
 */

enum { CHILD_INPUT, CHILD_OUTPUT, CHILD_COMPLAINTS, CHILD_STREAMS };

struct child {
	const char *input; /* what it can read; NULL: nothing. Never a secret */
	size_t input_len;
	struct buf *out;        /* made with its maximum; what it writes is added. NULL: dropped */
	struct buf *complaints; /* the same; may be the same as out */
	struct deadline deadline;
	int status; /* set by child_run: the exit status, or 128 and the signal that ended it */
};

/* What the child does; does not return. Its ends of the pipes are close-on-exec. */
typedef void child_body(void *arg, const int ends[CHILD_STREAMS]);

/*
 * Forks, and blocks until the child has ended, and its deadline at most: then it is killed, and its process group if it
 * has one of its own. 0 when it has ended by itself, whatever its status; or -1: ERR_TIMEOUT, ERR_LIMIT (it says more
 * than the buffers take), ERR_SYSTEM.
 */
int child_run(struct child *child, child_body *body, void *arg, struct err *err);

typedef void child_work(void *arg, struct buf *out);

/*
 * Has a child call work(arg, out), and appends what it put there to `out`. The child ends without a word to stdio and
 * without at-exit handlers. 0, or -1 as child_run; ERR_SYSTEM with the signal that ended it. Blocks for patience_ms at
 * most.
 */
int child_do(child_work *work, void *arg, int patience_ms, struct buf *out, struct err *err);

#endif
