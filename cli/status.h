#ifndef MAILBEARER_CLI_STATUS_H
#define MAILBEARER_CLI_STATUS_H

#include <jansson.h>
#include <stdint.h>

#include "cli/cli.h"
#include "lib/buf.h"
#include "lib/err.h"

/*
 * tokend's answer to the map `status`, an array of accounts, as a table for people. Pure. now: seconds since 1970.
 * Values that are absent or of another type are shown as unknown. width: columns that the table is to fit.
 */
void status_table(struct buf *out, const json_t *accounts, int64_t now, size_t width);

/* Asks tokend for the account of the call, or for all: a new array, also of one account. Else *accounts stays NULL. */
enum cli_exit status_ask(const struct cli_call *call, json_t **accounts, struct err *err);

#endif
