#ifndef MAILBEARER_TOKEND_LOOPBACK_H
#define MAILBEARER_TOKEND_LOOPBACK_H

#include <stddef.h>

#include "lib/err.h"
#include "tokend/loop.h"

/*
 * Where a browser on this machine brings the answer of a sign-in: a listener at a redirect URI whose host is loopback
 * (RFC 8252 section 7.3). It knows no OAuth. GET only, nothing but the path it was opened for, bounded in everything,
 * and no more than one answer at a time is being thought about. Pages are ours, whole, and hold no script and no
 * address.
 */
struct loopback;
struct loopback_listener;

#define LOOPBACK_REQUEST_MAX (16 * 1024) /* bytes of a request line and headers */
#define LOOPBACK_VISITS_MAX 32           /* connections at a time, of all listeners; more are closed */
#define LOOPBACK_REQUEST_MS (10 * 1000)  /* for a request to come whole, and for a page to be taken */
#define LOOPBACK_HOLD_MS (60 * 1000)     /* for the answer to a visit that was reported */
#define LOOPBACK_URI_MAX 512             /* bytes of a redirect URI, with the NUL */

/* What the person in the browser is told. Texts are escaped. */
struct loopback_page {
	int status; /* of HTTP: 200 or 400 */
	const char *title;
	const char *text;
};

/* A visit to the path; query is what follows the '?', borrowed for the call. It is to be answered with loopback_reply
 * or loopback_finish, at once or later; until then there is no other. */
typedef void loopback_cb(void *arg, const char *query, size_t len);

/* NULL: no memory. Borrows the loop. */
struct loopback *loopback_new(struct loop *loop);
void loopback_free(struct loopback *loopback); /* NULL is legal; closes everything */

/* Listens at the redirect URI, http://localhost[:PORT][/PATH] or the same with 127.0.0.1 or [::1]: on both loopback
 * addresses where that is meant; at any free port if it names none. NULL with *err set: ERR_CONFIG for a URI of another
 * kind. */
struct loopback_listener *loopback_listen(struct loopback *loopback, const char *redirect_uri, loopback_cb *cb,
					  void *arg, struct err *err);

/* The redirect URI with the port that it has. Lives as long as the listener. */
const char *loopback_uri(const struct loopback_listener *listener);

/* Answers the visit that was reported, if it is still there; more may come. */
void loopback_reply(struct loopback_listener *listener, const struct loopback_page *page);

/* The same, and listens no more: the listener is gone when this returns, the page is still on its way. NULL is legal.
 */
void loopback_finish(struct loopback_listener *listener, const struct loopback_page *page);

#endif
