#ifndef MAILBEARER_CLI_INI_H
#define MAILBEARER_CLI_INI_H

#include <jansson.h>
#include <stddef.h>

#include "lib/err.h"

/*
 * Reads a file of sections, as Python's configparser does without interpolation: {"section": {"key": "value"}}. Keys
 * are made lower case; a line that begins with a blank goes on with the value above it; comments are lines of their
 * own. Pure. NULL with *err set, which names the line and quotes nothing of it. The caller drops what it gets.
 */
json_t *ini_read(const char *text, size_t len, struct err *err);

#endif
