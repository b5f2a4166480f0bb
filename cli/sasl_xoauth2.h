#ifndef MAILBEARER_CLI_SASL_XOAUTH2_H
#define MAILBEARER_CLI_SASL_XOAUTH2_H

#include <jansson.h>

#include "lib/buf.h"
#include "lib/err.h"
#include "lib/secret.h"

/*
 * What an installation of sasl-xoauth2 (https://github.com/tarickb/sasl-xoauth2) knows, as configuration of ours: its
 * one configuration file and its token files, both JSON; a token file overrides the configuration. Pure: bytes in and
 * out.
 */

#define SASL_XOAUTH2_WINDOW_MAX 3000 /* seconds, as min_validity may be */

/* One token file with what the configuration adds. Texts are borrowed from the documents. */
struct sasl_xoauth2 {
	const char *user;
	const char *client_id;
	const char *endpoint; /* NULL: Google's, its default */
	const char *scope;    /* or NULL */
	const char *proxy;    /* or NULL */
	const char *ca_file;  /* or NULL */
	int window;           /* seconds; 0: not set. The "0" that its version 0.27 writes by mistake is that, too */
	struct secret *client_secret; /* or NULL: a public client */
	struct secret *refresh_token; /* or NULL: none is needed (client_credentials) */
};

/*
 * path: of the token file, whose name is the user where it does not say. 0, or -1 with *err set, which quotes no value
 * of either document; *out is to be freed after both. What cannot stand between the quotes of our configuration is
 * refused, and so is a password in the proxy's URL or the endpoint's, which would be printed.
 */
int sasl_xoauth2_read(const json_t *config, const json_t *tokens, const char *path, struct sasl_xoauth2 *out,
		      struct err *err);
void sasl_xoauth2_free(struct sasl_xoauth2 *one); /* the secrets; legal on a zeroed one */

/* Do both use the same application in the same way, so that one section client is enough? */
bool sasl_xoauth2_same_client(const struct sasl_xoauth2 *a, const struct sasl_xoauth2 *b);

/* Append sections of mailbearer.conf(5). secret_file: where the client's secret is, or will be. */
void sasl_xoauth2_client(const struct sasl_xoauth2 *one, const char *name, const char *secret_file, struct buf *out);
void sasl_xoauth2_account(const struct sasl_xoauth2 *one, const char *client, struct buf *out);

#endif
