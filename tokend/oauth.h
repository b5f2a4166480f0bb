#ifndef MAILBEARER_TOKEND_OAUTH_H
#define MAILBEARER_TOKEND_OAUTH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/buf.h"
#include "lib/err.h"
#include "lib/secret.h"
#include "tokend/outcome.h"

/*
 * OAuth 2.0 messages (RFC 6749; OpenID Connect Discovery 1.0), bytes in and out. Pure: no I/O, no clock, no log.
 */

struct oauth_metadata;

/* How a client proves itself to the token endpoint. */
enum oauth_auth {
	OAUTH_AUTH_NONE,     /* public client: client_id alone */
	OAUTH_AUTH_POST,     /* client_secret in the form: client_secret_post */
	OAUTH_AUTH_BASIC,    /* client_secret in the Authorization header: client_secret_basic */
	OAUTH_AUTH_ASSERTION /* client_assertion: private_key_jwt, federated token */
};

struct oauth_client {
	const char *client_id; /* or NULL: a service account, which its assertion names */
	enum oauth_auth auth;
	const struct secret *credential; /* the client secret or the assertion; NULL with OAUTH_AUTH_NONE */
	const char *scope;               /* or NULL: not sent */
};

/* What is traded for a token: RFC 6749 sections 4.1.3, 4.4.2 and 6, RFC 8628 section 3.4, RFC 7523 section 2.1. And
 * what is asked for with nothing in hand: a device code, RFC 8628 section 3.1. */
enum oauth_grant_type {
	OAUTH_REFRESH_TOKEN,
	OAUTH_CLIENT_CREDENTIALS,
	OAUTH_AUTHORIZATION_CODE,
	OAUTH_DEVICE_CODE,
	OAUTH_JWT_BEARER,
	OAUTH_DEVICE_AUTHORIZATION
};

struct oauth_grant {
	enum oauth_grant_type type;
	const struct secret *secret;   /* the refresh token, code, device code or assertion; or NULL: there is none */
	const struct secret *verifier; /* PKCE (RFC 7636), of an authorization code; else NULL */
	const char *redirect_uri;      /* of an authorization code, as it was asked for; else NULL */
};

/* Appends the form's body. OAUTH_AUTH_BASIC puts nothing into the body: see oauth_basic_header. 0 or -1. */
int oauth_token_body(const struct oauth_client *client, const struct oauth_grant *grant, struct buf *body);

/*
 * How a client with that credential proves itself to a provider with that document (NULL: none, the endpoint was
 * configured): as the document lists it; in the form where there is a choice or no document, which is what Entra ID and
 * Google document. `assertion`: it signs assertions or is given them; else `secret`, else it is public. 0, or -1 with
 * *err set: the provider takes nothing that the client has.
 */
int oauth_choose_auth(const struct oauth_metadata *metadata, bool assertion, bool secret, enum oauth_auth *auth,
		      struct err *err);

/* Appends the value of the Authorization header for OAUTH_AUTH_BASIC (both parts form-encoded first, RFC 6749
 * section 2.3.1). 0 or -1. */
int oauth_basic_header(const struct oauth_client *client, struct buf *value);

/* Appends NAME=VALUE in application/x-www-form-urlencoded, with '&' before it when the body is not empty. 0 or -1. */
int oauth_form_add(struct buf *body, const char *name, const char *value, size_t len);

#define OAUTH_ERROR_MAX 64
#define OAUTH_DETAIL_MAX 320
#define OAUTH_EXPIRES_DEFAULT 300        /* seconds, when the answer does not say: short, so that it heals */
#define OAUTH_EXPIRES_MAX (48 * 60 * 60) /* seconds; what is longer is taken as this */

/* A token endpoint's answer. oauth_answer_free wipes the secrets; legal on a zeroed one. */
struct oauth_answer {
	enum outcome outcome;
	struct secret *access_token;   /* OUTCOME_TOKEN: set; else NULL */
	struct secret *refresh_token;  /* or NULL: keep the old one. Also with an OUTCOME_RETRY, where the access token
					  that came with it is of no use */
	struct secret *id_token;       /* or NULL; not verified: it came from the token endpoint itself */
	int64_t expires_in;            /* seconds, 1 to OAUTH_EXPIRES_MAX */
	int64_t refresh_expires_in;    /* seconds, refresh_token_expires_in; 0: not told */
	char error[OAUTH_ERROR_MAX];   /* RFC 6749 `error`, or a word of ours such as "http_503", "no_answer" */
	char detail[OAUTH_DETAIL_MAX]; /* one printable line for the operator: the first line of error_description, or
					  what was wrong with the answer */
	int aadsts;                    /* the first of error_codes, for advice only; 0: none */
};

/* status 0: no HTTP answer, `transport_error` says why. Never fails: what cannot be understood is OUTCOME_RETRY with
 * the reason in detail. */
void oauth_parse_answer(int status, const char *transport_error, const char *body, size_t len,
			struct oauth_answer *out);
void oauth_answer_free(struct oauth_answer *answer);

/* An OpenID Connect metadata document, as far as we need it. All strings owned; NULL where absent. */
struct oauth_metadata {
	char *issuer;
	char *authorization_endpoint;
	char *token_endpoint;
	char *device_authorization_endpoint;
	bool auth_listed; /* token_endpoint_auth_methods_supported; where it is not, basic counts (RFC 8414) */
	bool auth_post;
	bool auth_basic;
	bool auth_private_key_jwt;
	bool iss_in_response; /* authorization_response_iss_parameter_supported, RFC 9207 */
};

/* Proves the document fetched from `url`: endpoints must be https and of sane length; the issuer must be the URL's
 * prefix, except for Microsoft's literal "{tenantid}" template and its tenant-GUID for a tenant's domain name (same
 * host suffices there). 0, or -1 with *err set. */
int oauth_parse_metadata(const char *url, const char *body, size_t len, struct oauth_metadata *out, struct err *err);
void oauth_metadata_free(struct oauth_metadata *metadata);

#endif
