/*
 * What to do when a sign-in fails, by the tables of explain.h and one of its own. Pure. Called by the broker; nothing
 * is decided by what they say.
 */
#include <stddef.h>
#include <string.h>

#include "daemon/explain.h"
#include "tokend/advice.h"

/* For the operator's eyes only: Microsoft asks that nothing be decided by these numbers. NULL: nothing that helps here.
 */
static const char *advice_on(int aadsts)
{
	struct explain_cause cause;

	if (!explain_aadsts(aadsts, &cause) || strchr(cause.advice->remedy, '{') != NULL)
		return NULL;
	return cause.advice->remedy;
}

const char *advice_for_signin(const char *error, int aadsts)
{
	static const struct {
		const char *error, *remedy;
	} rows[] = {
	    {"access_denied", "sign in again and accept what the application asks for"},
	    {"authorization_declined", "sign in again and accept what the application asks for"},
	    {"bad_verification_code", "start again"},
	    {"consent_required", "an administrator has to consent: see mailbearer consent-url"},
	    {"discovery", "check tenant, cloud and metadata_url"},
	    {"expired_token", "start again: nobody typed the code in before its time was up"},
	    {"invalid_client", "check client_id and client_secret_file"},
	    {"invalid_scope", "correct scope, or leave it out"},
	    {"unauthorized_client", "allow the application this flow at the provider; check client_id"},
	};
	const char *advice = advice_on(aadsts);

	for (size_t i = 0; advice == NULL && i < sizeof(rows) / sizeof(rows[0]); i++)
		if (strcmp(rows[i].error, error) == 0)
			advice = rows[i].remedy;
	return advice != NULL ? advice : "";
}
