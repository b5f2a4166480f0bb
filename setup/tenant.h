#ifndef MAILBEARER_SETUP_TENANT_H
#define MAILBEARER_SETUP_TENANT_H

#include <stddef.h>

#include "daemon/provider.h"
#include "lib/buf.h"
#include "lib/err.h"

/*
 * What a provider says of itself, or of one of its tenants, to everybody who asks: the OpenID Connect metadata
 * document. So a misspelt tenant, and one of another of Microsoft's clouds, is told before anybody signs in. Pure.
 */

enum tenant_verdict {
	TENANT_FOUND,       /* it is there, and in this cloud as far as the document says */
	TENANT_UNKNOWN,     /* this cloud has no such tenant */
	TENANT_OTHER_CLOUD, /* it belongs to out->cloud */
	TENANT_NO_ANSWER    /* nothing can be said: not HTTP 200, or no such document */
};

struct tenant_found {
	const char *cloud; /* of Microsoft's, as the document says; NULL: it does not */
	char id[64];       /* the tenant's number; "" if it is not told */
};

/* The address of the document: metadata_url if that is not "", else the provider's for the tenant. 0 or -1. */
int tenant_address(const struct provider *provider, const char *tenant, const char *metadata_url, struct buf *out);

/* status 0: nobody answered. `provider` as it was asked. *err says what is wrong unless the tenant was found. */
enum tenant_verdict tenant_judge(const struct provider *provider, const char *tenant, int status,
				 const struct buf *body, struct tenant_found *out, struct err *err);

#endif
