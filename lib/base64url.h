#ifndef MAILBEARER_LIB_BASE64URL_H
#define MAILBEARER_LIB_BASE64URL_H

#include <stddef.h>

#include "lib/buf.h"

/* base64url without padding (RFC 4648 section 5; RFC 7515 section 2). Pure. 0, or -1: out->failed, or bad input. */
int base64url_append(struct buf *out, const void *bytes, size_t len);

/* Appends the decoded bytes. Refuses padding, white space, other alphabets and stray bits at the end. */
int base64url_decode(struct buf *out, const char *text, size_t len);

#endif
