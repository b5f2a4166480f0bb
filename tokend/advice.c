/*
 * What to do when a sign-in fails: tables. Pure. Called by the broker; nothing is decided by what they say.
 */
#include <stddef.h>
#include <string.h>

#include "tokend/advice.h"

/* For the operator's eyes only: Microsoft asks that nothing be decided by these numbers. */
static const char *advice_on(int aadsts)
{
	static const struct {
		int code;
		const char *advice;
	} rows[] = {
	    {50011, "register redirect_uri as it stands in the configuration, under Mobile and desktop applications"},
	    {50020, "sign in with an account of this tenant, or correct tenant"},
	    {50105, "assign the user to the application, or turn \"assignment required\" off"},
	    {50194, "set tenant: the application is for one tenant only"},
	    {53003, "a Conditional Access policy forbids it: see Microsoft Entra's sign-in log"},
	    {65001, "an administrator has to consent: see mailbearer consent-url"},
	    {65004, "sign in again and accept what the application asks for"},
	    {70008, "sign in again, and faster: the code lives ten minutes"},
	    {70011, "correct scope, or leave it out"},
	    {90094, "an administrator has to consent: see mailbearer consent-url"},
	    {90095, "an administrator has to consent: see mailbearer consent-url"},
	    {530036, "a policy forbids the device flow: use --browser or --paste"},
	    {700016, "correct client_id, tenant or cloud: this tenant has no such application"},
	    {700025, "take client_secret_file out: the application is a public client"},
	    {7000215, "put the client secret's value, not its ID, into client_secret_file"},
	    {7000218, "turn on \"Allow public client flows\" for the application, or set client_secret_file"},
	    {7000222, "the client secret has expired: make a new one"},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (rows[i].code == aadsts)
			return rows[i].advice;
	return NULL;
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
