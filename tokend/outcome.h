#ifndef MAILBEARER_TOKEND_OUTCOME_H
#define MAILBEARER_TOKEND_OUTCOME_H

/*
 * What an answer of a token endpoint means for an account, from the HTTP status and RFC 6749's `error` alone: never
 * from AADSTS numbers or descriptions, which their owners ask nobody to rely on. Pure.
 */
enum outcome {
	OUTCOME_TOKEN,        /* 200 with a token */
	OUTCOME_RETRY,        /* will pass by itself: no answer, 429, 5xx, HTML from a proxy, temporarily_unavailable */
	OUTCOME_GRANT_LOST,   /* a person must sign in again: invalid_grant, interaction_required, ... */
	OUTCOME_MISCONFIGURED /* somebody must repair something, here or at the provider: invalid_client, ... */
};

/* status 0: no HTTP answer. error: the JSON's `error`, or NULL when there was none. */
enum outcome outcome_of(int status, const char *error);

#endif
