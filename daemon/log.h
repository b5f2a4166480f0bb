#ifndef MAILBEARER_DAEMON_LOG_H
#define MAILBEARER_DAEMON_LOG_H

#include <stdbool.h>
#include <stdint.h>

#include "daemon/event.h"

/*
 * The log of a process we own: one line per thing that happened,
 *
 *    account=relay@contoso.com event=token-refreshed valid_for=3599 took_ms=212
 *
 * A value with anything but printable ASCII without space, '"', '\' and '=' is quoted; controls and '"' are
 * escaped, so that no value can forge a line or a key. Lines are cut at LOG_LINE_MAX. There is no call that takes
 * a free-form text, and none that takes a struct secret: that is on purpose.
 * Opened before there are threads; then any thread may log. The shell of a process logs; pure modules return errors.
 */

#define LOG_LINE_MAX 1800 /* bytes; what every syslog takes */

enum log_target { LOG_TO_SYSLOG, LOG_TO_STDERR };

struct log_field {
	const char *key;  /* NULL ends the list */
	const char *text; /* NULL: number counts */
	int64_t number;
};

/* ident: the program's name, kept by reference. verbose: EVENT_DEBUG lines as well. */
void log_open(const char *ident, enum log_target target, bool verbose);
void log_close(void);

/* account: NULL where the event is not about one. fields: ends with a NULL key; a field whose text is NULL and that
 * was made with log_text is left out. Keeps errno. */
void log_fields(enum event event, const char *account, const struct log_field *fields);

extern const char LOG_OMITTED[];

static inline const char *log_text_or_omitted(const char *text)
{
	return text ? text : LOG_OMITTED;
}

#define log_text(key_, text_) ((struct log_field){.key = (key_), .text = log_text_or_omitted(text_)})
#define log_number(key_, number_) ((struct log_field){.key = (key_), .number = (number_)})
/* log_event(EVENT_STORE_FAILED, name, log_text("reason", err.text), log_number("retry_in", 30)); at least one field. */
#define log_event(event, account, ...)                                                                                 \
	log_fields((event), (account), (const struct log_field[]){__VA_ARGS__, {.key = (const char *)0}})

/* The line itself, without ident and priority, as log_fields would write it: for tests. Returns its length. */
int log_format(char *line, int size, enum event event, const char *account, const struct log_field *fields);

#endif
