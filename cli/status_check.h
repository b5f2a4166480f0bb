#ifndef MAILBEARER_CLI_STATUS_CHECK_H
#define MAILBEARER_CLI_STATUS_CHECK_H

#include <jansson.h>
#include <stdint.h>

#include "lib/buf.h"

/* Exit statuses of the Monitoring Plugins' guidelines, which Nagios, Icinga and others follow. */
enum status_level { STATUS_OK = 0, STATUS_WARNING = 1, STATUS_CRITICAL = 2, STATUS_UNKNOWN = 3 };

/*
 * tokend's answer to the map `status`, an array of accounts, as one line for a monitoring system: level, the worst
 * accounts with what to do, then '|' and performance data. Appends it without a newline. Pure. now: seconds since 1970.
 */
enum status_level status_check(struct buf *out, const json_t *accounts, int64_t now);

/* The same for when there was no such answer. Returns the level. */
enum status_level status_check_failed(struct buf *out, enum status_level level, const char *text);

#endif
