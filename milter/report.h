#ifndef MAILBEARER_MILTER_REPORT_H
#define MAILBEARER_MILTER_REPORT_H

#include "milter/session.h"

/* One line in the log for each message, whatever became of it. Any thread may call. */

/* At the end of a message. */
void report_message(const struct session *session, const struct policy_verdict *verdict);

/* A command that a gate refused: what was refused is no message yet. */
void report_refused(const struct session *session, const char *command, const struct reply *reply);

#endif
