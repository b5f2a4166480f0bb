#ifndef MAILBEARER_SMTP_REPLY_H
#define MAILBEARER_SMTP_REPLY_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/buf.h"

/*
 * Replies of SMTP (RFC 5321) and LMTP (RFC 2033), with enhanced status codes (RFC 2034, RFC 3463): taken apart, judged,
 * written. Pure; no I/O, no memory of its own.
 */

#define REPLY_LINE_MAX 4096 /* bytes of one line; RFC 5321 says 512, servers say more */
#define REPLY_LINES_MAX 100 /* lines of one reply */
#define REPLY_TEXT_MAX 2000 /* bytes with the NUL that are kept of one reply; the rest is dropped */
#define REPLY_ENHANCED_MAX 12

struct reply {
	int code;                          /* 200 to 599; 0: none */
	char enhanced[REPLY_ENHANCED_MAX]; /* "5.7.3", or "" */
	char text[REPLY_TEXT_MAX];         /* printable; its lines are divided by '\n' */
};

/* A reply of our own. */
void reply_set(struct reply *reply, int code, const char *enhanced, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));

/* Takes a reply apart line by line. Zeroed, it is ready for the first; after REPLY_DONE it wants to be zeroed again. */
struct reply_reader {
	struct reply reply;
	int lines;
};

enum reply_status { REPLY_MORE, REPLY_DONE, REPLY_BAD };

/* line: without its CRLF. REPLY_BAD: not SMTP, or more lines than we take. */
enum reply_status reply_read(struct reply_reader *reader, const char *line, size_t len);

/* At which point a server says something. */
enum reply_stage { REPLY_AT_LOGIN, REPLY_AT_MAIL, REPLY_AT_RCPT, REPLY_AT_DATA, REPLY_AT_END };

/*
 * What the MTA is told when the server `host` says `in` at this point. Handed through as it is, but:
 *
 *   - whatever goes wrong up to the login, and every authentication trouble after it, is a 4xx: the mail waits;
 *   - a 5xx by which Exchange or Gmail means "later" (a quota, a throttled sender) is a 4xx;
 *   - a 421 is a 451, since it is not we who close;
 *   - a code that has no place at this point is a 451;
 *   - an enhanced code that is missing or of another class is made.
 */
void reply_judge(enum reply_stage stage, const char *host, const struct reply *in, struct reply *out);

/*
 * One line, of at most REPLY_SHORT_MAX bytes with code and CRLF: a longer reply is cut, and UTF-8 not in the middle of
 * a character. Exim reads a reply into 256 bytes; one that does not fit is no reply to it, and what was sent is sent
 * again.
 */
#define REPLY_SHORT_MAX 240
void reply_shorten(struct reply *reply);

/* Appends it, with its CRLFs. 0, or -1 with out->failed set. */
int reply_append(struct buf *out, const struct reply *reply);

#endif
