#ifndef MAILBEARER_SMTP_RELAY_H
#define MAILBEARER_SMTP_RELAY_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/buf.h"
#include "lib/deadline.h"
#include "lib/err.h"
#include "smtp/offers.h"
#include "smtp/reply.h"

/*
 * A session with a submission server, through libcurl, which makes the connection, verifies the certificate after
 * STARTTLS (or at once, on port 465) and logs in with XOAUTH2 or OAUTHBEARER; then it is a stream of bytes, in which
 * the caller speaks SMTP. libcurl's own sending of mail would hide the replies to single recipients, send one command
 * at a time and know no DSN.
 */
struct relay;

struct relay_target {
	const char *host;
	unsigned port;
	const char *helo;        /* the name in EHLO, or NULL: the system's */
	const char *ca_file;     /* or NULL: the system's */
	const char *user;        /* or NULL: no login */
	const struct buf *token; /* NUL-terminated; with a user only */
	int connect_ms;          /* how long TCP may take */
	int open_ms;             /* and everything up to the end of the login */
};

enum relay_trouble {
	RELAY_NO_TROUBLE,
	RELAY_UNREACHABLE, /* no connection, or it was lost */
	RELAY_NOT_SECURE,  /* no TLS, or a certificate that is not right */
	RELAY_REFUSED,     /* the server said no: see the reply */
	RELAY_NO_LOGIN,    /* the server offers none that we can do */
	RELAY_BAD_TOKEN    /* the server would not have the token; the reply may say more */
};

/* Once per process, before the others. 0 or -1. */
int relay_init(struct err *err);

/*
 * Connects and logs in; blocks for open_ms at most. NULL with *trouble, *err, and *reply: what the server said
 * last, code 0 if nothing. Neither the text nor the reply holds the token.
 */
struct relay *relay_open(const struct relay_target *target, enum relay_trouble *trouble, struct reply *reply,
			 struct err *err);

/* Drops the connection, without a word. NULL is legal. */
void relay_close(struct relay *relay);

const struct offers *relay_offers(const struct relay *relay);

/* Sends all of it. 0 or -1. Blocks up to the deadline. */
int relay_send(struct relay *relay, const char *bytes, size_t len, struct deadline deadline, struct err *err);

/* Receives one whole reply. 0, or -1: the connection is lost, or what came is no SMTP. Blocks up to the deadline. */
int relay_reply(struct relay *relay, struct reply *reply, struct deadline deadline, struct err *err);

#endif
