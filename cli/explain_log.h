#ifndef MAILBEARER_CLI_EXPLAIN_LOG_H
#define MAILBEARER_CLI_EXPLAIN_LOG_H

#include <stddef.h>

#include "lib/buf.h"

/*
 * A mail log, line by line: what went wrong is grouped by cause and counted, and the accounts or senders that it hit
 * are named. Pure. Its memory does not grow with the log: so many causes, accounts for each, messages whose sender is
 * remembered, and unknown lines that are shown; what comes beyond is counted.
 */
#define EXPLAIN_LOG_CAUSES 64
#define EXPLAIN_LOG_ACCOUNTS 6
#define EXPLAIN_LOG_MESSAGES 4096
#define EXPLAIN_LOG_UNKNOWN 5

struct explain_log;

/* NULL: no memory. Freeing NULL is legal. */
struct explain_log *explain_log_new(void);
void explain_log_free(struct explain_log *log);

/* One line, without its newline; any bytes. */
void explain_log_line(struct explain_log *log, const char *line, size_t len);

/* Appends what was found, most frequent cause first, in paragraphs of `width` columns. */
void explain_log_report(struct explain_log *log, struct buf *out, size_t width);

#endif
