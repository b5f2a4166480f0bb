/* Takes the claims out of a JWT: see the header for what that is worth. Called by tokend's claims.c and by check. */
#include <string.h>

#include "daemon/jsondoc.h"
#include "daemon/jwt_payload.h"
#include "lib/base64url.h"

/* The JSON between the two dots. */
static int decode(const struct secret *jwt, struct buf *payload)
{
	struct buf text = BUF_INIT(SECRET_MAX);
	const char *first, *second;
	int status = -1;

	if (secret_append(jwt, &text) == 0 && text.len > 0) {
		first = memchr(text.data, '.', text.len);
		second = first != NULL ? memchr(first + 1, '.', text.len - (size_t)(first + 1 - text.data)) : NULL;
		if (second != NULL)
			status = base64url_decode(payload, first + 1, (size_t)(second - first - 1));
	}
	buf_free(&text);
	return status;
}

json_t *jwt_payload(const struct secret *jwt)
{
	struct buf payload = BUF_INIT(SECRET_MAX);
	json_t *claims = NULL;

	if (decode(jwt, &payload) == 0)
		claims = jsondoc_parse_object(payload.data != NULL ? payload.data : "", payload.len, NULL);
	buf_free(&payload);
	return claims;
}
