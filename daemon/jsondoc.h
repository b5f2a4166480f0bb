#ifndef MAILBEARER_DAEMON_JSONDOC_H
#define MAILBEARER_DAEMON_JSONDOC_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "lib/buf.h"
#include "lib/err.h"
#include "lib/secret.h"

/*
 * The one way into Jansson for bytes from outside: bounded size and depth, duplicate keys and trailing bytes refused,
 * and an allocator that wipes what it frees, since answers hold tokens. Values are then read with Jansson's own
 * calls or with the tolerant readers below.
 */

#define JSONDOC_MAX (1024 * 1024) /* bytes of a document */

/* Call once at process start, before any other use of Jansson: installs the wiping allocator. */
void jsondoc_init(void);

/* An object (json_decref it), or NULL with *err set (ERR_SYNTAX, ERR_LIMIT). The text never quotes the document. */
json_t *jsondoc_parse_object(const char *bytes, size_t len, struct err *err);

/* The same for an object or an array of at most `max` bytes. */
json_t *jsondoc_parse(const char *bytes, size_t len, size_t max, struct err *err);

/* The string at `key`, or NULL if absent, not a string, or holding a NUL or another control character. Borrowed. */
const char *jsondoc_string(const json_t *object, const char *key);

/* A new secret from the string at `key`, or NULL. */
struct secret *jsondoc_secret(const json_t *object, const char *key);

/* The integer at `key`, also when it is given as a string of digits (Azure's managed identity does), or with nothing
 * but zeros behind its point. False if absent, of another type, or out of range. */
bool jsondoc_integer(const json_t *object, const char *key, int64_t *out);

/* Appends the object as one line of ASCII JSON, keys in the order of insertion. 0, or -1 with out->failed set. */
int jsondoc_append(const json_t *object, struct buf *out);

#endif
