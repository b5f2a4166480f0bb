#ifndef MAILBEARER_LIB_URLENCODE_H
#define MAILBEARER_LIB_URLENCODE_H

#include <stddef.h>

#include "lib/buf.h"

/* Appends the bytes as they stand in a form or a query: RFC 3986's unreserved characters as they are, every other byte
 * as %XX. Pure. 0, or -1 with out->failed set. */
int urlencode(struct buf *out, const char *bytes, size_t len);

#endif
