#ifndef MAILBEARER_TOKEND_EXPIRY_H
#define MAILBEARER_TOKEND_EXPIRY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * What is going to end, and what to do before it does: secrets, certificates, refresh tokens. Pure; all times are
 * seconds since 1970, and 0 where there is no such thing or nobody has told.
 */

#define EXPIRY_AHEAD (30 * 24 * 60 * 60) /* seconds: warned of from so long before */
#define EXPIRY_MAX 4

struct expiry_facts {
	int64_t now;
	int64_t secret_expires;
	int64_t certificate_not_after;
	int64_t token_came;    /* when the refresh token came that is held now */
	int64_t token_expires; /* its end, as the provider told */
	int64_t token_used;    /* when it was last of use */
	int unused_days;       /* how long the provider keeps a refresh token that nobody uses */
	bool works;            /* the last request had a token for an answer */
};

struct expiry {
	const char *what;   /* "client_secret", "client_certificate", "refresh_token" */
	int64_t ends;       /* may be over */
	const char *remedy; /* static text */
};

/* Fills in what there is to warn of now, and returns how many. */
size_t expiry_list(const struct expiry_facts *facts, struct expiry out[EXPIRY_MAX]);

#endif
