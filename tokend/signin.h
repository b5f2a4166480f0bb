#ifndef MAILBEARER_TOKEND_SIGNIN_H
#define MAILBEARER_TOKEND_SIGNIN_H

#include <stddef.h>
#include <stdint.h>

#include "lib/buf.h"
#include "lib/err.h"
#include "lib/secret.h"
#include "tokend/oauth.h"

/*
 * The messages by which a person signs in: the authorization code with PKCE (RFC 6749 section 4.1, RFC 7636, RFC 9207)
 * and the device code (RFC 8628). Bytes in and out. Pure: no I/O, no clock, no log.
 */

#define OAUTH_STATE_MAX 128
#define OAUTH_URL_MAX 8192      /* bytes of an address that is shown, or that a browser brings back */
#define OAUTH_DEVICE_INTERVAL 5 /* seconds between polls when the answer does not say */
#define OAUTH_DEVICE_LIFE_MAX 3600

struct oauth_authorization {
	const char *endpoint;
	const char *client_id;
	const char *redirect_uri;
	const char *scope; /* or NULL */
	const char *state;
	const struct secret *verifier; /* only its SHA-256 goes out */
	const char *login_hint;        /* or NULL */
	const char *extra;             /* "name=value&..." that a provider wants besides, encoded; or NULL */
};

/* Appends the address that the person opens. 0 or -1. */
int oauth_authorization_url(const struct oauth_authorization *authorization, struct buf *url);

/* What the browser brought back to the redirect URI. */
struct oauth_callback {
	struct secret *code; /* or NULL: then error says why */
	char state[OAUTH_STATE_MAX];
	char issuer[512];              /* RFC 9207; "" when there is none */
	char error[OAUTH_ERROR_MAX];   /* "" with a code */
	char detail[OAUTH_DETAIL_MAX]; /* the first line of error_description, fit to be shown */
};

/* query: what follows '?', as it came, without a fragment. 0, or -1 with *err set: neither a code nor an error in it, a
 * parameter twice, bad encoding. */
int oauth_parse_callback(const char *query, size_t len, struct oauth_callback *out, struct err *err);
void oauth_callback_free(struct oauth_callback *callback); /* legal on a zeroed one */

/* What the person has to do, and how long there is. */
struct oauth_device {
	struct secret *device_code;
	char user_code[64];
	char verification_uri[512];
	int64_t expires_in; /* seconds, 1 to OAUTH_DEVICE_LIFE_MAX */
	int64_t interval;   /* seconds between polls, 1 to 60 */
};

/* The body of an answer with status 200; others are oauth_parse_answer's. 0, or -1 with *err set. */
int oauth_parse_device(const char *body, size_t len, struct oauth_device *out, struct err *err);
void oauth_device_free(struct oauth_device *device); /* legal on a zeroed one */

#endif
