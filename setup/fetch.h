#ifndef MAILBEARER_SETUP_FETCH_H
#define MAILBEARER_SETUP_FETCH_H

#include "lib/buf.h"
#include "lib/err.h"

#define FETCH_SECONDS 10        /* for the whole of it */
#define FETCH_MAX (1024 * 1024) /* bytes of an answer */

struct fetch {
	const char *url;     /* https:// */
	const char *ca_file; /* or NULL: the system's */
	const char *proxy;   /* or NULL: none; the environment's is not used */
};

/*
 * Gets a document, verified, without following redirects and without sending anything of ours. Blocks for FETCH_SECONDS
 * at most. The HTTP status, with the body in `out` (made with FETCH_MAX); or 0 with *err set: nobody answered.
 */
int fetch(const struct fetch *fetch, struct buf *out, struct err *err);

#endif
