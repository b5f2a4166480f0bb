#ifndef MAILBEARER_CLI_STATUS_H
#define MAILBEARER_CLI_STATUS_H

#include <jansson.h>
#include <stdint.h>

#include "lib/buf.h"

/*
 * tokend's answer to the map `status`, an array of accounts, as a table for people. Pure. now: seconds since 1970.
 * Values that are absent or of another type are shown as unknown. width: columns that the table is to fit.
 */
void status_table(struct buf *out, const json_t *accounts, int64_t now, size_t width);

#endif
