#ifndef MAILBEARER_TOKEND_DISCOVERY_H
#define MAILBEARER_TOKEND_DISCOVERY_H

#include "daemon/settings.h"
#include "lib/err.h"
#include "tokend/http.h"
#include "tokend/loop.h"
#include "tokend/oauth.h"

/*
 * OpenID Connect metadata documents, each fetched once for all the accounts that need it and kept for a day. An old
 * one is served while a new one is fetched, and for as long as none can be had. Logs `discovered`; and
 * `discovery-failed` when nobody waits for the document: who waits is told why, and logs it with the account.
 */
struct discovery;
struct discovery_source; /* one document: its URL, and the CA and the proxy on the way to it */
struct discovery_wait;

#define DISCOVERY_FRESH_MS (24 * 60 * 60 * 1000)
#define DISCOVERY_BACKOFF_FIRST_MS 1000 /* after failures in a row: doubled each time, a quarter more or less */
#define DISCOVERY_BACKOFF_MAX_MS (5 * 60 * 1000)

/* NULL: no memory. Borrows both. */
struct discovery *discovery_new(struct loop *loop, struct http *http);
void discovery_free(struct discovery *discovery); /* NULL is legal; all sources must be released */

/* The source of a client that has a metadata_url; the same one for the same URL, CA and proxy, with what it knows. The
 * client is copied. Counted: one release for each take. NULL: no memory. */
struct discovery_source *discovery_take(struct discovery *discovery, const struct settings_client *client);
void discovery_release(struct discovery_source *source); /* NULL is legal; nobody may be waiting for the last one */

/* What is known now, borrowed until the loop's next turn; or NULL: ask. What is old is fetched anew meanwhile. */
const struct oauth_metadata *discovery_known(struct discovery_source *source);

/* metadata is borrowed for the call. NULL: err says why; ERR_CONFIG: somebody must repair something. */
typedef void discovery_cb(void *arg, const struct oauth_metadata *metadata, const struct err *err);

/* Calls back exactly once, never before it has returned, not at all after discovery_cancel. During a pause after a
 * failure that is soon, with the failure. NULL: no memory, and no callback. */
struct discovery_wait *discovery_ask(struct discovery_source *source, discovery_cb *cb, void *arg);
void discovery_cancel(struct discovery_wait *wait); /* NULL is legal; illegal once its callback has begun */

/* Ends a pause: an administrator wants to see whether it works now. */
void discovery_end_pause(struct discovery_source *source);

#endif
