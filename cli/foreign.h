#ifndef MAILBEARER_CLI_FOREIGN_H
#define MAILBEARER_CLI_FOREIGN_H

#include <stdbool.h>

#include "lib/buf.h"
#include "lib/err.h"
#include "lib/secret.h"

/* What an installation of another program knows of one account, as configuration of ours. Pure: bytes out. */

/* Texts are borrowed from the documents that they stand in. All but user and grant may be NULL. */
struct foreign {
	const char *user;
	const char *client_id;
	const char *grant;
	const char *endpoint; /* NULL: Google's */
	const char *proxy;
	const char *ca_file;
	const char *redirect_uri;
	const char *certificate, *key;
	const char *service_account_file;
	const char *scope;            /* not taken over; it tells clients apart */
	int window;                   /* seconds; 0: not set */
	struct secret *client_secret; /* NULL: a public client */
	struct secret *refresh_token; /* NULL: none is needed */
};

/* The secrets; legal on a zeroed one. */
void foreign_free(struct foreign *one);

/*
 * Proves that its texts can stand between the quotes of our configuration, and that neither proxy nor endpoint holds a
 * password, which would be printed. 0, or -1 with *err set, which quotes none of them. source: what it was read from.
 */
int foreign_prove(const struct foreign *one, const char *source, struct err *err);

/* Copies a secret. NULL text: none, and no error. 0, or -1: it is larger than SECRET_MAX, or there is no memory. */
int foreign_copy_secret(const char *text, struct secret **out);

/* Do both use the same application in the same way, so that one section client is enough? */
bool foreign_same_client(const struct foreign *a, const struct foreign *b);

/* Append sections of mailbearer.conf(5). secret_file: where the client's secret is, or will be. */
void foreign_client(const struct foreign *one, const char *name, const char *secret_file, struct buf *out);
void foreign_account(const struct foreign *one, const char *client, struct buf *out);

#endif
