#ifndef MAILBEARER_TOKEND_OUTCOME_H
#define MAILBEARER_TOKEND_OUTCOME_H

/*
 * What an answer of a token endpoint means for an account, from the HTTP status and RFC 6749's `error` alone: never
 * from AADSTS numbers or descriptions, which their owners ask nobody to rely on. Pure.
 *
 * It does not know the grant: where no person signs in (client_credentials, managed_identity), whoever reports to the
 * account machine turns OUTCOME_GRANT_LOST into ACCOUNT_GOT_MISCONFIGURED.
 */
enum outcome {
	OUTCOME_TOKEN,        /* 200 with a token */
	OUTCOME_RETRY,        /* will pass by itself: no answer, 429, 5xx, HTML from a proxy, temporarily_unavailable */
	OUTCOME_GRANT_LOST,   /* a person must sign in again: invalid_grant, interaction_required, ... */
	OUTCOME_MISCONFIGURED /* somebody must repair something, here or at the provider: invalid_client, ... */
};

/* status 0: no HTTP answer. error: the JSON's `error`, or NULL when there was none. OUTCOME_TOKEN says only that a
 * token is to be expected in the body. */
enum outcome outcome_of(int status, const char *error);

#endif
