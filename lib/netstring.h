#ifndef MAILBEARER_LIB_NETSTRING_H
#define MAILBEARER_LIB_NETSTRING_H

#include <stddef.h>

#include "lib/buf.h"

/* Netstrings (https://cr.yp.to/proto/netstrings.txt): "LENGTH:BYTES,". Pure; no I/O. */

enum netstring_status {
	NETSTRING_OK,      /* one whole netstring decoded */
	NETSTRING_MORE,    /* right so far; needs more bytes */
	NETSTRING_BAD,     /* can never become a netstring: not a digit, leading zero, no comma */
	NETSTRING_TOO_LONG /* says that it is longer than max */
};

struct netstring {
	const char *data; /* points into the input; not NUL-terminated; may hold any byte */
	size_t len;
	size_t used; /* bytes of the input that it took, comma included */
};

/* Decodes the first netstring of in[0..in_len). *out is set on NETSTRING_OK only. Decides on the length before
 * the payload has arrived. */
enum netstring_status netstring_decode(const char *in, size_t in_len, size_t max, struct netstring *out);

/* Appends "LENGTH:BYTES,". 0, or -1 with out->failed set. */
int netstring_append(struct buf *out, const void *bytes, size_t len);

#endif
