#ifndef MAILBEARER_MILTER_COMPOSE_H
#define MAILBEARER_MILTER_COMPOSE_H

#include <stddef.h>

#include "lib/buf.h"
#include "milter/address.h"

/*
 * The writer of header fields. Whatever bytes it is given, what it writes is one field: folded with "\n " to lines of
 * 78 where there is a blank, never a line of 998, ASCII but for the address itself, no control characters. Pure but for
 * the buffer's memory. Each function returns 0, or -1 with out->failed set; COMPOSE_MAX bytes are always enough for
 * one.
 */
#define COMPOSE_MAX 4096
#define COMPOSE_NAME_MAX 256   /* bytes of a display name that are kept */
#define COMPOSE_TEXT_MAX 600   /* bytes of an original that are kept */
#define COMPOSE_WORDS_MAX 1200 /* bytes of encoded words in a name: more than COMPOSE_NAME_MAX bytes can become */

/*
 * Appends "Name <mailbox>", or the mailbox alone when there is no name. The name is raw, as struct address has it:
 * words that are atoms stay as they are, so do encoded words that hide nothing, other ASCII is quoted, and what is left
 * is encoded as UTF-8 (RFC 2047); bytes that are no UTF-8 are taken for ISO 8859-1. No reader, even one that decodes
 * first and parses then, sees another address in it.
 *
 * column: where in its line the field stands ("From: " is 6); on return, where it ends.
 */
int compose_mailbox(struct span name, struct span mailbox, size_t *column, struct buf *out);

/* Appends the text of a field that was replaced, for an X-Original- field. */
int compose_original(struct span value, size_t column, struct buf *out);

/*
 * What may be kept of a From field that is not one mailbox: the text before its last "<", or all of it when there is no
 * address in it ("Scanner 3"); else nothing. Points into the value.
 */
struct span compose_salvage(struct span value);

#endif
