#ifndef MAILBEARER_SASL_RESPONSE_H
#define MAILBEARER_SASL_RESPONSE_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/buf.h"

/*
 * What is said inside the two SASL mechanisms: XOAUTH2 (Google's and Microsoft's descriptions) and OAUTHBEARER (RFC
 * 7628). The client's message, the server's error challenge and the answer to it. Pure: bytes in, bytes out.
 */
enum response_mech { RESPONSE_XOAUTH2, RESPONSE_OAUTHBEARER };

#define RESPONSE_USER_MAX 320   /* bytes: a mailbox's 64 + "@" + 255, RFC 5321 section 4.5.3.1 */
#define RESPONSE_HOST_MAX 255   /* bytes in a host's name */
#define RESPONSE_EXTRA_MAX 2048 /* bytes in a message beside the token, at most */
#define RESPONSE_STATUS_MAX 32  /* bytes with the NUL */

struct response_fields {
	const char *user;
	size_t user_len;
	const char *host;  /* OAUTHBEARER: or NULL, then it is not sent */
	unsigned port;     /* OAUTHBEARER: 0, not known, then it is not sent */
	const char *token; /* a secret */
	size_t token_len;
};

/* "XOAUTH2", "OAUTHBEARER". */
const char *response_mech_name(enum response_mech mech);

/* Can this be a user of XOAUTH2? 1 to RESPONSE_USER_MAX bytes, none of them a space or a control character. */
bool response_user_valid(const char *user, size_t len);

/* Can this be an access token? At least one byte, all of them visible ASCII (RFC 6749, appendix A.12). */
bool response_token_valid(const char *token, size_t len);

/* Appends the message that carries the token. 0, or -1 with out->failed set. User and token must be valid; a host that
 * cannot be one is left out. */
int response_append(enum response_mech mech, const struct response_fields *fields, struct buf *out);

/* Octets in the command "AUTH MECH BASE64" with its CRLF, for a message of `len` bytes. */
size_t response_command_len(enum response_mech mech, size_t len);

/* What the server's error challenge is answered with, so that it ends the exchange with its own 535. */
const char *response_to_error(enum response_mech mech, unsigned *len);

/* The port in "ADDRESS;PORT", as SASL writes addresses; 0 for NULL and everything else. */
unsigned response_port(const char *address);

/*
 * The "status" of the server's error challenge, {"status":"401",...}, in letters, digits and "._-" (what else is in it
 * becomes '?'), cut at RESPONSE_STATUS_MAX; "" when there is none. Takes any bytes, and NULL; looks at the first 4096.
 */
void response_error_status(const char *challenge, size_t len, char status[RESPONSE_STATUS_MAX]);

#endif
