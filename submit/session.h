#ifndef MAILBEARER_SUBMIT_SESSION_H
#define MAILBEARER_SUBMIT_SESSION_H

#include "daemon/settings.h"
#include "lib/err.h"
#include "submit/route.h"

/* One MTA's LMTP session over a pair of descriptors, from the greeting to QUIT or the end of the input. */

/* 0 when it ended in good order, or -1 with *err set: the MTA went away, or fell silent. Nothing is delivered in part.
 * Blocks, each step with its deadline. Logs one line for each message. */
int session_run(const struct router *router, int in, int out, struct err *err);

/* Says on `out` that there is no service now, and why, in place of a greeting. */
void session_refuse(int out, const char *why);

#endif
