#ifndef MAILBEARER_POSTFIX_MERGE_PRIVATE_H
#define MAILBEARER_POSTFIX_MERGE_PRIVATE_H

#include "postfix/merge.h"

/* Puts `next` in the place of the text. */
void merge_move(struct buf *text, struct buf *next);

/*
 * Transports of accounts that the configuration has no more. Those that are as we write them go out of the text of
 * master.cf, and what leads to them out of main.cf's; failure is in the text.
 */
void merge_retire_parameters(const struct wished *wished, const struct installation *installation, struct buf *text);
void merge_retire_services(const struct wished *wished, const struct installation *installation, struct buf *text);

/* Appends a sentence a line: what goes, and what stays since somebody changed it. */
void merge_retire_notes(const struct wished *wished, const struct installation *installation, struct buf *out);

#endif
