#ifndef MAILBEARER_TOKEND_HTTP_H
#define MAILBEARER_TOKEND_HTTP_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/buf.h"
#include "lib/err.h"
#include "tokend/loop.h"

/*
 * HTTPS requests: the one door to libcurl. Knows no OAuth. TLS 1.2 or newer and always verified, no redirects, no
 * cookies, no netrc, no proxy but the one given, one connection pool, HTTP/2 where offered.
 */
struct http;
struct http_transfer;

#define HTTP_BODY_MAX (1024 * 1024) /* bytes of an answer's body; more is an error */
#define HTTP_TIMEOUT_MAX 20         /* seconds for a request as a whole */

struct http_header {
	const char *name;
	const char *value; /* may hold a secret */
};

struct http_request {
	const char *url;        /* https:// only, unless plain_local */
	const struct buf *body; /* POST application/x-www-form-urlencoded when not NULL, else GET; copied and wiped */
	const struct http_header *headers; /* ends with a NULL name; or NULL; copied */
	const char *ca_file;               /* or NULL: the system's */
	const char *proxy;                 /* or NULL: none */
	int timeout;                       /* seconds, at most HTTP_TIMEOUT_MAX */
	bool plain_local;                  /* http:// is allowed (managed identity); never through a proxy */
};

/* What came back. Borrowed: valid during the callback; `body` is wiped afterwards. */
struct http_response {
	int status;          /* 0: no answer; then `error` says why ("could not resolve host ...", never a secret) */
	const char *error;   /* or NULL */
	int64_t retry_after; /* seconds from now, from either form of Retry-After; -1: none or senseless */
	const char *content_type; /* or NULL */
	const char *authenticate; /* WWW-Authenticate, or NULL */
	struct buf body;
	int64_t took_ms;
};

typedef void http_cb(void *arg, const struct http_response *response);

struct http *http_new(struct loop *loop, struct err *err);
void http_free(struct http *http); /* NULL is legal; aborts what is in flight */

/* Starts a request. Calls back exactly once, never before it has returned, not at all after http_abort. NULL with
 * *err set: nothing was started, and no callback comes. */
struct http_transfer *http_start(struct http *http, const struct http_request *request, http_cb *cb, void *arg,
				 struct err *err);

/* NULL is legal. Illegal once its callback has begun. */
void http_abort(struct http_transfer *transfer);

#endif
