#ifndef MAILBEARER_POSTFIX_RUN_H
#define MAILBEARER_POSTFIX_RUN_H

#include <stddef.h>

#include "lib/buf.h"
#include "lib/deadline.h"
#include "lib/err.h"

/*
 * A program of the mail system's or of the system's, run to its end: no shell, an environment of our own making (PATH,
 * LC_ALL=C, TZ if we have one), nothing of ours open in it, its output taken up to a maximum.
 */

#define RUN_OUTPUT_MAX (4 * 1024 * 1024) /* what postconf(1) may print of a very large installation */

struct run {
	const char *const *argv; /* ends with NULL; argv[0] is the program's whole path */
	const char *input;       /* what it reads on standard input; NULL: nothing. Never a secret */
	size_t input_len;
	struct buf *out;        /* made with its maximum; standard output is added. NULL: dropped */
	struct buf *complaints; /* the same for standard error; may be the same as out */
	struct deadline deadline;
	int status; /* set by run_program: the exit status, or 128 and the signal that ended it */
};

/*
 * Blocks until the program has ended, and its deadline at most: then its whole process group is killed. 0 when it has
 * ended by itself, whatever its status; or -1: it cannot be run (ERR_NOT_FOUND: there is no such program), has not
 * ended in time (ERR_TIMEOUT), or prints more than the buffers take (ERR_LIMIT).
 */
int run_program(struct run *run, struct err *err);

/* The same for a program that has to succeed: -1 also for any status but 0, with the last line of its standard error in
 * *err. run->complaints may be NULL. */
int run_successfully(struct run *run, struct err *err);

#endif
