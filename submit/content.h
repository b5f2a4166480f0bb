#ifndef MAILBEARER_SUBMIT_CONTENT_H
#define MAILBEARER_SUBMIT_CONTENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/buf.h"

/*
 * The message between DATA and the final dot, on its way through: bytes of LMTP in, bytes of SMTP out, dots stuffed on
 * both sides. Pure, in constant memory. What comes out has no CR or LF but in CRLF, no line over CONTENT_LINE_MAX, and
 * no line that is a single dot, whatever goes in; so no reader behind us can take a part of a message for commands
 * ("SMTP smuggling"). Only CRLF.CRLF ends a message.
 */

#define CONTENT_LINE_MAX                                                                                               \
	998 /* octets without CRLF, RFC 5321 section 4.5.3.1.6; a longer one is folded, as smtp(8) does */

enum content_policy {
	CONTENT_REPAIR, /* a bare LF becomes CRLF, a bare CR a space */
	CONTENT_REFUSE  /* either makes the message `refused`; nothing more comes out */
};

enum content_state { CONTENT_LINE_START, CONTENT_IN_LINE, CONTENT_CR, CONTENT_DOT, CONTENT_DOT_CR, CONTENT_END };

struct content {
	enum content_state state; /* CONTENT_END: the final dot has been seen */
	enum content_policy policy;
	bool after_bare; /* this line began behind a bare LF: a dot here is text, not stuffing */
	bool refused;
	size_t line_len;
	uint64_t size; /* bytes taken in, dots included */
};

#define CONTENT_INIT(policy_) ((struct content){.policy = (policy_)})
#define CONTENT_GROWTH 4 /* times len: the most that content_take appends; and a few more bytes, CONTENT_EXTRA */
#define CONTENT_EXTRA 8

/* Takes in[0..len), appends what is to be sent, without the final dot. How many bytes it took: fewer than len when the
 * message ended in between. */
size_t content_take(struct content *content, const char *in, size_t len, struct buf *out);

#endif
