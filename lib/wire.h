#ifndef MAILBEARER_LIB_WIRE_H
#define MAILBEARER_LIB_WIRE_H

#include <stddef.h>

#include "lib/buf.h"

/*
 * What is said over tokend's socket: Postfix's and Sendmail's socketmap protocol (Postfix's socketmap_table(5)).
 * A request is the netstring "MAP KEY", an answer the netstring "OK value", "NOTFOUND ", "TEMP reason",
 * "TIMEOUT reason" or "PERM reason". One answer per request, in order, as many as wanted over one connection.
 * Pure: bytes in, bytes out. The limits stand here and nowhere else.
 */

#define WIRE_SOCKET_DEFAULT RUNSTATEDIR "/mailbearer/tokend.sock"

#define WIRE_MAP_MAX 32                    /* bytes in a map's name */
#define WIRE_REQUEST_MAX (80 * 1024)       /* bytes in a request's payload: an import carries a refresh token */
#define WIRE_REPLY_MAX 100000              /* bytes in an answer's payload: Postfix takes no more */
#define WIRE_STATUS_MAX (16 * 1024 * 1024) /* the same for the `status` map, which only our CLI asks for many */
#define WIRE_NETSTRING_EXTRA 10            /* a netstring's digits, colon and comma around the payload */

enum wire_result { WIRE_OK, WIRE_NOTFOUND, WIRE_TEMP, WIRE_TIMEOUT, WIRE_PERM };

struct wire_request {
	char map[WIRE_MAP_MAX + 1];
	const char *key; /* points into the payload; not NUL-terminated; holds no NUL, CR or LF */
	size_t key_len;  /* may be 0 */
};

struct wire_reply {
	enum wire_result result;
	const char *text; /* points into the payload; not NUL-terminated */
	size_t len;
};

/* Takes a netstring's payload apart. 0, or -1 for anything that is not "MAP KEY": the map must match
 * [a-z][a-z0-9-]*; the key may hold no NUL, CR or LF. "MAP" without a space is a request with an empty key. */
int wire_parse_request(const char *payload, size_t len, struct wire_request *out);
int wire_parse_reply(const char *payload, size_t len, struct wire_reply *out);

/* Append a whole frame, netstring included. 0, or -1 with out->failed set. */
int wire_append_request(struct buf *out, const char *map, const char *key, size_t key_len);
int wire_append_reply(struct buf *out, enum wire_result result, const char *text, size_t len);

#endif
