#ifndef MAILBEARER_CLIENT_TOKENCLIENT_H
#define MAILBEARER_CLIENT_TOKENCLIENT_H

#include <stddef.h>

#include "lib/buf.h"
#include "lib/deadline.h"
#include "lib/err.h"
#include "lib/wire.h"

/*
 * A blocking client of tokend's socket: one connection per question, everything under one deadline.
 * Safe in a foreign process: no globals, no signals, no logging, descriptors close-on-exec. Threads may call it
 * at the same time.
 */

struct tokenclient_question {
	const char *socket_path;
	const char *map;
	const char *key; /* not NUL-terminated */
	size_t key_len;
	size_t reply_max; /* WIRE_REPLY_MAX, or WIRE_STATUS_MAX for the status map */
	struct deadline deadline;
};

/*
 * Asks. Returns 0 when tokend answered, whatever it answered: *result says what, and *text (made by the caller,
 * max at least reply_max) holds the answer's text without the result word; it may be a secret: buf_free it.
 * Returns -1 with *err set when there was no answer: ERR_UNREACHABLE (tokend does not run, or no such socket; the
 * text names the path), ERR_TIMEOUT, ERR_SYNTAX (what answered does not speak socketmap), ERR_SYSTEM, ERR_MEMORY.
 */
int tokenclient_ask(const struct tokenclient_question *question, enum wire_result *result, struct buf *text,
		    struct err *err);

#endif
