/*
 * What to do about a refusal, by its `error` and by how the client proves itself: tables of advice. Decides nothing.
 * Called by broker_keeper.c.
 */
#include <string.h>

#include "tokend/broker_private.h"

struct advice {
	const char *error, *remedy;
};

static const struct advice for_all[] = {
    {"invalid_client", "check client_id and client_secret_file (the secret's value, not its ID; has it expired?)"},
    {"unauthorized_client", "allow the application this grant at the provider; check tenant and client_id"},
    {"invalid_scope", "check scope; leave it out to use the provider's own"},
    {"invalid_target", "check scope: one resource only, the mail server's"},
    {"invalid_resource", "check scope: the provider does not know that resource in this tenant"},
    {"unsupported_grant_type", "check grant and the token endpoint"},
    {"invalid_request", "check tenant, client_id and scope"},
    {"discovery", "check tenant, cloud and metadata_url"},
    {"not_sent", "check the client's section in the configuration"},
    {"token_too_short", "set min_validity lower, or have the provider make tokens that live longer"},
    {NULL, "see what the provider's administrator can make of it"},
};

static const struct advice for_certificate[] = {
    {"invalid_client",
     "register this certificate with the application (its public part), and check client_id, tenant and the clock"},
    {NULL, NULL},
};

static const struct advice for_federation[] = {
    {"invalid_client", "compare issuer, subject and audience of the token in federated_token_file with the "
		       "application's federated credential; a new credential takes some minutes to spread"},
    {NULL, NULL},
};

static const struct advice for_identity[] = {
    {"challenge", "give tokend's user the group himds, and check that Azure Arc's agent runs"},
    {"invalid_resource", "check scope: a resource of this tenant, without /.default"},
    {"invalid_request",
     "give this machine a managed identity (with the client_id that is configured, if one is), and the identity "
     "the application permission SMTP.SendAsApp"},
    {NULL, NULL},
};

static const struct advice for_service_account[] = {
    {"unauthorized_client",
     "allow the service account's client ID this scope in Google's Admin console (domain-wide delegation)"},
    {"invalid_grant",
     "check that the mailbox exists, that the key of service_account_file is still there, and the clock"},
    {NULL, NULL},
};

/* NULL: none of its own; the last row's, when that is for all errors. */
static const char *look_up(const struct advice *advice, const char *error)
{
	while (advice->error != NULL && strcmp(advice->error, error) != 0)
		advice++;
	return advice->remedy;
}

static const struct advice *advice_for(const struct settings_client *conf)
{
	if (conf->client_key != NULL)
		return for_certificate;
	if (conf->federated_token_file != NULL)
		return for_federation;
	if (conf->managed_identity != NULL)
		return for_identity;
	return conf->service_account_file != NULL ? for_service_account : for_all;
}

const char *broker_remedy(const struct settings_client *conf, const char *error)
{
	const char *remedy = look_up(advice_for(conf), error);

	return remedy != NULL ? remedy : look_up(for_all, error);
}

/* Of trouble that passes by itself. */
static const struct advice if_it_lasts[] = {
    {"no_answer", "it is tried again; if it lasts, check network, DNS, firewall and proxy"},
    {"discovery", "it is tried again; if it lasts, check network, DNS, firewall and proxy"},
    {"http_200", "it is tried again; if it lasts, check the endpoint's address, and what answers in its place"},
    {"bad_answer", "it is tried again; if it lasts, check the endpoint's address, and what answers in its place"},
    {"not_sent",
     "it is tried again; if it lasts, see whether memory or descriptors have run out, and whether the files "
     "and tokens that the client's section names can be read"},
    {NULL, "it is tried again; if it lasts, look at the provider's service health"},
};

const char *broker_remedy_if_it_lasts(const char *error)
{
	return look_up(if_it_lasts, error);
}
