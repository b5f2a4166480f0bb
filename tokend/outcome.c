/*
 * What a token endpoint's answer means for an account. A table and the rule of the HTTP status; knows no texts and no
 * AADSTS numbers. Called by oauth_answer.c and, for the login flows, by consent.
 */
#include <stddef.h>
#include <string.h>

#include "tokend/outcome.h"

struct meaning {
	const char *error;
	enum outcome outcome;
};

/* RFC 6749 sections 4.1.2.1 and 5.2, RFC 8628 section 3.5, RFC 8707, OpenID Connect Core 3.1.2.6, Microsoft's own */
static const struct meaning meanings[] = {
    {"access_denied", OUTCOME_GRANT_LOST},
    {"account_selection_required", OUTCOME_GRANT_LOST},
    {"authorization_declined", OUTCOME_GRANT_LOST},
    {"consent_required", OUTCOME_GRANT_LOST},
    {"expired_token", OUTCOME_GRANT_LOST},
    {"interaction_required", OUTCOME_GRANT_LOST},
    {"invalid_grant", OUTCOME_GRANT_LOST},
    {"login_required", OUTCOME_GRANT_LOST},
    {"invalid_client", OUTCOME_MISCONFIGURED},
    {"invalid_request", OUTCOME_MISCONFIGURED},
    {"invalid_resource", OUTCOME_MISCONFIGURED},
    {"invalid_scope", OUTCOME_MISCONFIGURED},
    {"invalid_target", OUTCOME_MISCONFIGURED},
    {"unauthorized_client", OUTCOME_MISCONFIGURED},
    {"unsupported_grant_type", OUTCOME_MISCONFIGURED},
    {"authorization_pending", OUTCOME_RETRY},
    {"server_error", OUTCOME_RETRY},
    {"slow_down", OUTCOME_RETRY},
    {"temporarily_unavailable", OUTCOME_RETRY},
};

/* Statuses that speak of the server or of the moment, not of what was asked: no body can make them final. */
static int is_passing(int status)
{
	return status < 200 || status >= 500 || status == 408 || status == 425 || status == 429;
}

enum outcome outcome_of(int status, const char *error)
{
	size_t i;

	if (is_passing(status))
		return OUTCOME_RETRY;
	if (error == NULL)
		return status == 200 ? OUTCOME_TOKEN : OUTCOME_RETRY;
	for (i = 0; i < sizeof(meanings) / sizeof(meanings[0]); i++) {
		if (strcmp(error, meanings[i].error) == 0)
			return meanings[i].outcome;
	}
	return status == 400 || status == 401 || status == 403 ? OUTCOME_MISCONFIGURED : OUTCOME_RETRY;
}
