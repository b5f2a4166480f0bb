/*
 * Warnings ahead: what ends within thirty days. Pure. Called by broker_expiry.c.
 */
#include "tokend/expiry.h"

#define DAY (24 * 60 * 60)

static size_t add(struct expiry *out, size_t count, const char *what, int64_t ends, const char *remedy)
{
	out[count] = (struct expiry){.what = what, .ends = ends, .remedy = remedy};
	return count + 1;
}

/* One that is replaced at each use has a new end each time: so it counts only once half its life is over. */
static int64_t ahead_of_token(const struct expiry_facts *facts)
{
	int64_t half = (facts->token_expires - facts->token_came) / 2;

	return half < EXPIRY_AHEAD ? half : EXPIRY_AHEAD;
}

size_t expiry_list(const struct expiry_facts *facts, struct expiry out[EXPIRY_MAX])
{
	int64_t unused = facts->unused_days != 0 && facts->token_used != 0
			     ? facts->token_used + (int64_t)facts->unused_days * DAY
			     : 0;
	size_t count = 0;

	if (facts->secret_expires != 0 && facts->now >= facts->secret_expires - EXPIRY_AHEAD)
		count = add(out, count, "client_secret", facts->secret_expires,
			    "make a new secret, put it into client_secret_file, set client_secret_expires and reload");
	if (facts->certificate_not_after != 0 && facts->now >= facts->certificate_not_after - EXPIRY_AHEAD)
		count =
		    add(out, count, "client_certificate", facts->certificate_not_after,
			"make a new certificate, register it beside the old one, put it into client_certificate and "
			"client_key, and reload");
	if (facts->token_expires != 0 && facts->now >= facts->token_expires - ahead_of_token(facts))
		count = add(
		    out, count, "refresh_token", facts->token_expires,
		    "sign in again before then (a Google app in status Testing gives seven days: publish it first)");
	/* While it works it is used daily, whatever its age. */
	if (!facts->works && unused != 0 && facts->now >= unused - EXPIRY_AHEAD)
		count =
		    add(out, count, "refresh_token", unused,
			"repair what keeps it from being used: the provider ends it for disuse, and then somebody must "
			"sign in again");
	return count;
}
