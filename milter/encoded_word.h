#ifndef MAILBEARER_MILTER_ENCODED_WORD_H
#define MAILBEARER_MILTER_ENCODED_WORD_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/buf.h"

/* Encoded words (RFC 2047): "=?charset?Q?text?=". Pure. */

#define ENCODED_WORD_MAX 256 /* bytes of one that we take for one; the RFC allows 75, mailers write more */

enum encoded_charset {
	ENCODED_UTF8,   /* and US-ASCII */
	ENCODED_LATIN1, /* ISO 8859-1 and its like on Windows */
	ENCODED_SINGLE, /* another with one byte for a character, and ASCII below 0x80 */
	ENCODED_DOUBLE, /* two bytes and more for a character; an ASCII byte may be the second one of two */
	ENCODED_ESCAPED /* ISO 2022: escape sequences */
};

struct encoded_word {
	size_t len; /* of the whole word */
	enum encoded_charset charset;
	bool base64;
	const char *text;
	size_t text_len;
};

/* Does an encoded word start here that we can vouch for: a charset that we know, an encoding that is whole, no byte in
 * it that a reader of addresses could take for something else? */
bool encoded_word_read(const char *at, size_t len, struct encoded_word *word);

/* The bytes it stands for, in its charset. Returns how many; at most ENCODED_WORD_MAX. */
size_t encoded_word_decode(const struct encoded_word *word, char bytes[ENCODED_WORD_MAX]);

/* Would somebody who decodes first and parses then see an address, a bracket, a quote, a control character or one more
 * encoded word in it? */
bool encoded_word_hides(const struct encoded_word *word);

#endif
