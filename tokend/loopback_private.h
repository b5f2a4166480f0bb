#ifndef MAILBEARER_TOKEND_LOOPBACK_PRIVATE_H
#define MAILBEARER_TOKEND_LOOPBACK_PRIVATE_H

#include "lib/buf.h"
#include "tokend/loopback.h"

/* Shared by loopback_listen.c (sockets) and loopback_http.c (bytes in and out) only. */

enum loopback_host { LOOPBACK_LOCALHOST, LOOPBACK_IPV4, LOOPBACK_IPV6 };

struct loopback_target {
	enum loopback_host host;
	char authority[32];          /* as it is written: "localhost", "127.0.0.1", "[::1]" */
	int port;                    /* 0: any */
	char path[LOOPBACK_URI_MAX]; /* as it is written: "" or "/..." */
};

/* 0, or -1 with *err set (ERR_CONFIG). */
int loopback_parse_uri(const char *uri, struct loopback_target *out, struct err *err);

enum loopback_request {
	LOOPBACK_MORE,     /* right so far; needs more bytes */
	LOOPBACK_VISIT,    /* a GET of the path */
	LOOPBACK_OTHER,    /* of another path */
	LOOPBACK_NOT_GET,  /* another method */
	LOOPBACK_TOO_LONG, /* more than LOOPBACK_REQUEST_MAX */
	LOOPBACK_BAD       /* no HTTP */
};

/* path: of the target. With LOOPBACK_VISIT, *query points into the bytes, *query_len may be 0. */
enum loopback_request loopback_parse_request(const char *bytes, size_t len, const char *path, const char **query,
					     size_t *query_len);

/* Appends a whole response. 0 or -1. */
int loopback_append_page(struct buf *out, const struct loopback_page *page);

#endif
