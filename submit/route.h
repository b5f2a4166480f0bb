#ifndef MAILBEARER_SUBMIT_ROUTE_H
#define MAILBEARER_SUBMIT_ROUTE_H

#include <stdbool.h>

#include "daemon/senders.h"
#include "daemon/settings.h"
#include "lib/buf.h"
#include "lib/err.h"
#include "submit/lmtp.h"

/* Which way a sender's mail goes, and the access token for it: what tokend is asked. Blocks for PATIENCE_TOKEND at
 * most. */

#define ROUTE_HOST_MAX 256 /* bytes with the NUL */

struct route {
	char account[LMTP_PATH_MAX + 1]; /* who logs in; "" for a connector, which knows no login */
	char host[ROUTE_HOST_MAX];
	unsigned port;
	const char *ca_file; /* borrowed of the settings, or NULL */
};

struct router {
	const struct settings *settings;
	const struct senders *senders;
	const char *account; /* of -a, or NULL: the sender decides */
	bool short_replies;  /* of -s */
};

/* 0, or -1 with the remedy in the text: no account, or no answer. */
int route_find(const struct router *router, struct lmtp_text sender, struct route *out, struct err *err);

/* The token, into a buffer of WIRE_REPLY_MAX. 0, or -1. */
int route_token(const struct router *router, const struct route *route, struct buf *token, struct err *err);

/* Tells tokend that the server would not have the token. Its answer does not matter. */
void route_refused(const struct router *router, const struct route *route);

#endif
