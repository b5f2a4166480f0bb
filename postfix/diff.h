#ifndef MAILBEARER_POSTFIX_DIFF_H
#define MAILBEARER_POSTFIX_DIFF_H

#include "lib/buf.h"

/* Lines that are compared one with each other; where more of them differ than this many times this many, all lines of
 * the part that differs are shown as taken out and put in. */
#define DIFF_LINES_MAX 2000

/*
 * Appends what differs as a unified diff with three lines of context, as diff -u writes it (and patch(1) takes it),
 * under the name of the file; nothing if the two are the same. Pure but for memory. Failure is in `out`.
 */
void diff_unified(const char *name, const struct buf *before, const struct buf *after, struct buf *out);

#endif
