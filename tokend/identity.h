#ifndef MAILBEARER_TOKEND_IDENTITY_H
#define MAILBEARER_TOKEND_IDENTITY_H

#include <stddef.h>
#include <stdint.h>

#include "lib/buf.h"
#include "lib/err.h"
#include "tokend/oauth.h"

/*
 * Azure's managed identities: a service on this machine gives tokens to whoever asks it from there. Not OAuth but near
 * it: the messages, bytes in and out. Pure: no I/O, no clock, no log. Microsoft's "How to use managed identities for
 * Azure resources on an Azure VM to acquire an access token", "Authenticate against Azure resources with Azure
 * Arc-enabled servers" and "Managed identities for App Service".
 */
enum identity_kind {
	IDENTITY_VM,         /* IMDS, the metadata service of a virtual machine */
	IDENTITY_ARC,        /* the agent of Azure Arc: proves by a file that we may read it */
	IDENTITY_APP_SERVICE /* App Service, Functions, Container Apps: proves by a header from the environment */
};

/* "vm", "arc", "app-service", as the settings have proved it. */
enum identity_kind identity_kind_of(const char *name);

/* The header that says "this is no forwarded request": "Metadata", and for App Service the name of the one whose value
 * the environment has. */
const char *identity_header_name(enum identity_kind kind);

/* Appends the address of a GET: resource is an "App ID URI" (a scope's "/.default" is dropped), client_id NULL: the
 * machine's own identity. 0 or -1. */
int identity_url(enum identity_kind kind, const char *endpoint, const char *resource, const char *client_id,
		 struct buf *url);

#define IDENTITY_ARC_FOLDER "/var/opt/azcmagent/tokens"
#define IDENTITY_ARC_KEY_MAX 4096 /* bytes of the file */

/* The file that Arc's agent names in its challenge (WWW-Authenticate: Basic realm=PATH), proved to lie in `folder` and
 * to end in ".key". 0, or -1 with *err set. */
int identity_challenge(const char *authenticate, const char *folder, struct buf *path, struct err *err);

/* Like oauth_parse_answer, with what is different here: a token's end may be told as expires_on alone (now: seconds
 * since 1970), and 404, 410, 429 and 5xx pass by themselves while any other error wants a repair. */
void identity_parse_answer(int status, const char *transport_error, const char *body, size_t len, int64_t now,
			   struct oauth_answer *out);

#endif
