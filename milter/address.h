#ifndef MAILBEARER_MILTER_ADDRESS_H
#define MAILBEARER_MILTER_ADDRESS_H

#include <stdbool.h>
#include <stddef.h>

#include "milter/scan.h"

/*
 * The strict reader of a From field (RFC 5322 section 3.4, RFC 6532 for UTF-8). What it calls ADDRESS_ONE is, whole,
 * exactly one mailbox, and every reader that we know of sees the same address in it. Whatever readers could differ
 * about is ADDRESS_UNPARSABLE, among it what is legal: local parts in quotes, domains that are numbers in brackets. A
 * message is then not passed as aligned but gets a From of our own.
 *
 * One forward pass, no recursion, no allocation: the result points into the input or into itself. Pure.
 */

#define ADDRESS_MAX 254      /* bytes of local part, "@" and domain (RFC 5321 section 4.5.3.1.3, less the brackets) */
#define ADDRESS_LOCAL_MAX 64 /* bytes */

enum address_kind {
	ADDRESS_NONE,      /* nothing but blanks and comments */
	ADDRESS_ONE,       /* exactly one mailbox */
	ADDRESS_MANY,      /* a mailbox, and then a comma */
	ADDRESS_GROUP,     /* "Name: ...;" */
	ADDRESS_UNPARSABLE /* anything else; `problem` says why */
};

struct address {
	enum address_kind kind;
	enum scan_problem problem; /* why UNPARSABLE */
	struct span name;          /* the display name as it was written, quotes, encoded words and all; empty: none */
	bool name_is_comment;      /* the name stood in a comment: "a@b.example (Name)"; without the parentheses */
	struct span written;       /* the address alone, as it was written; empty unless ONE */
	size_t local_len;
	size_t len;                    /* of mailbox */
	char mailbox[ADDRESS_MAX + 1]; /* "local@domain", letters A to Z in lower case; "" unless ONE */
};

/* The value of a From, Sender or Reply-To field, unfolded or not (folding is CRLF or LF with a blank after it). Always
 * fills *out. */
void address_parse(struct span value, struct address *out);

/* An envelope sender or an address of the settings: local@domain and not a byte around it, as strict as above. */
bool address_plain(struct span value, struct address *out);

/* Has the address a byte that is not ASCII? Such mail needs SMTPUTF8 (RFC 6531). */
bool address_is_international(const char *mailbox, size_t len);

/* "none", "one", "many", "group", "unparsable". */
const char *address_kind_name(enum address_kind kind);

#endif
