#ifndef MAILBEARER_POSTFIX_MAIN_CF_H
#define MAILBEARER_POSTFIX_MAIN_CF_H

#include <stdbool.h>

#include "lib/buf.h"

/*
 * main.cf's text, read and edited as postconf(1) -e does: order, comments and all other lines stay as they are. Of a
 * parameter that stands there more than once, the last one counts for Postfix, and is the one read and replaced. Pure.
 */

/* Appends the parameter's value on one line, `$name` in it as it stands. False: it is not there. */
bool main_cf_get(const struct buf *text, const char *name, struct buf *value);

/* Appends the whole text with the parameter set: in its place, or at the end. Failure is in `out`. */
void main_cf_set(const struct buf *text, const char *name, const char *value, struct buf *out);

/* Appends the whole text without the parameter, wherever it stands; comments within it stay. */
void main_cf_drop(const struct buf *text, const char *name, struct buf *out);

#endif
