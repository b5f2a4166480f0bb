#ifndef MAILBEARER_SUBMIT_LMTP_H
#define MAILBEARER_SUBMIT_LMTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "smtp/reply.h"

/*
 * The server's side of LMTP (RFC 2033): what a command line means, and which command may come now. Pure; pointers go
 * into the caller's line.
 *
 *    GREETED --LHLO--> READY --MAIL--> MAIL --RCPT--> RCPT --DATA--> READY
 *                        ^------- RSET, a refused MAIL, LHLO --------'
 */

#define LMTP_LINE_MAX 4096 /* bytes of a command, without its line end */
#define LMTP_PATH_MAX 320  /* bytes of an address: 64 + "@" + 255 */

enum lmtp_verb {
	LMTP_LHLO,
	LMTP_MAIL,
	LMTP_RCPT,
	LMTP_DATA,
	LMTP_RSET,
	LMTP_NOOP,
	LMTP_VRFY,
	LMTP_QUIT,
	LMTP_VERBS /* none of them */
};

struct lmtp_text {
	const char *at; /* not NUL-terminated; NULL: absent */
	size_t len;
};

struct lmtp_command {
	enum lmtp_verb verb;
	struct lmtp_text path; /* MAIL, RCPT: without the angle brackets; empty for <> */
	bool has_size;
	uint64_t size;
	bool eight_bit;          /* BODY=8BITMIME */
	bool utf8;               /* SMTPUTF8 */
	struct lmtp_text ret;    /* RFC 3461: the value of RET= */
	struct lmtp_text envid;  /* ENVID= */
	struct lmtp_text notify; /* NOTIFY= */
	struct lmtp_text orcpt;  /* ORCPT= */
};

/* 0, or -1 with the reply that the line deserves. line: without its line end. */
int lmtp_parse(const char *line, size_t len, struct lmtp_command *out, struct reply *refusal);

enum lmtp_state { LMTP_GREETED, LMTP_READY, LMTP_IN_MAIL, LMTP_IN_RCPT };

/* May this verb come now? False with the reply if not. DATA without a recipient that was taken is out of order too. */
bool lmtp_may(enum lmtp_state state, enum lmtp_verb verb, struct reply *refusal);

/* The state after a command that was answered; accepted: with a 2xx (for DATA whatever came of it). */
enum lmtp_state lmtp_next(enum lmtp_state state, enum lmtp_verb verb, bool accepted);

#endif
