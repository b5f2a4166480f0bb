#ifndef MAILBEARER_TESTS_UNIT_FAKE_LOG_H
#define MAILBEARER_TESTS_UNIT_FAKE_LOG_H

#include <stdbool.h>

#include "daemon/log.h"

/* Linked in the place of daemon/log.c: what would have been logged is kept for the test. */

/* Forgets everything. */
void fake_log_reset(void);

/* How many lines of this event there are. */
unsigned fake_log_count(enum event event);

/* How many lines there are of any event. */
unsigned fake_log_lines(void);

/* Does any line of this event hold the text, in a key, a value or the account? */
bool fake_log_says(enum event event, const char *text);

/* Does any line at all? */
bool fake_log_shows(const char *text);

#endif
