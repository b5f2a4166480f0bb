#ifndef MAILBEARER_SETUP_CONF_EDIT_H
#define MAILBEARER_SETUP_CONF_EDIT_H

#include <stdbool.h>

#include "lib/buf.h"

/*
 * Changes of the text of mailbearer.conf(5) that leave all the rest of it as it stands, comments and blanks included.
 * Pure. The text must be one that settings_load takes, or empty. Titles of accounts are compared without regard to
 * case.
 */

/* Appends the value of a key as it is meant, without quotes. False: there is none, or it is a list. title NULL: of a
 * section that has none. */
bool conf_get(const struct buf *text, const char *section, const char *title, const char *key, struct buf *out);

bool conf_has_section(const struct buf *text, const char *section, const char *title);

/* The title of the i-th section of that name, from 0, appended to `out`. False after the last. */
bool conf_title(const struct buf *text, const char *section, unsigned i, struct buf *out);

/* Adds an empty section at the end, `comment` above it: lines without '#', each ended by a newline. 0 or -1 (no memory,
 * or more than the buffer takes). */
int conf_add_section(struct buf *text, const char *section, const char *title, const char *comment);

/* The section must be there. value NULL: the key goes away. What has that value already stays as it is written. 0 or
 * -1. */
int conf_set(struct buf *text, const char *section, const char *title, const char *key, const char *value);

#endif
