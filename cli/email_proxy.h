#ifndef MAILBEARER_CLI_EMAIL_PROXY_H
#define MAILBEARER_CLI_EMAIL_PROXY_H

#include <jansson.h>
#include <stdbool.h>

#include "cli/foreign.h"

/*
 * Reads an installation of email-oauth2-proxy (https://github.com/simonrob/email-oauth2-proxy): a section for each
 * account, and for all of a domain's one that begins with '@', whose values the accounts inherit. Its tokens are of the
 * kind Fernet, by the password with which the account's mail client logs in at the proxy. Pure.
 */

struct email_proxy {
	json_t *config; /* as ini_read gives it */
	json_t *cache;  /* of --cache-store, where the tokens are then; or NULL */
};

/* What is encrypted of one account. Borrowed; either token may be NULL. */
struct email_proxy_sealed {
	const char *refresh_token;
	const char *client_secret;
	const char *salt; /* base64; NULL: there is none */
	unsigned long iterations;
};

/* Is this section an account that has a token, or needs none? Those of the sample file are not. */
bool email_proxy_has_account(const struct email_proxy *proxy, const char *section);

/*
 * All but what is encrypted. A section "@domain" becomes the account "*@domain"; name is the caller's room for that.
 * 0, or -1 with *err set, which quotes no value; *out is to be freed in either case, before the documents.
 */
#define EMAIL_PROXY_NAME_MAX 512
int email_proxy_read(const struct email_proxy *proxy, const char *section, char name[EMAIL_PROXY_NAME_MAX],
		     struct foreign *out, struct email_proxy_sealed *sealed, struct err *err);

/* Decrypts into *out. 0, or -1 with *err set: ERR_DENIED if it is another password, or they are damaged. Slow. */
int email_proxy_open(const struct email_proxy_sealed *sealed, const void *password, size_t len, struct foreign *out,
		     struct err *err);

#endif
