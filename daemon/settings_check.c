/*
 * What no single value can show: contradictions within a client, between an account and its client, and among the
 * senders. Pure, on the filled struct settings. Called by settings_load.c.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/settings_private.h"

struct check {
	const struct settings_report *report;
	const struct settings *settings;
};

static int wrong_client(const struct check *check, const struct settings_client *client, const char *text)
{
	return settings_wrong(check->report, client->line, "client \"%.100s\": %s", client->name, text);
}

static int wrong_account(const struct check *check, const struct settings_account *account, const char *text)
{
	return settings_wrong(check->report, account->line, "account \"%.100s\": %s", account->name, text);
}

static bool is_provider(const struct settings_client *client, const char *name)
{
	return strcmp(client->provider->name, name) == 0;
}

/* What is told of itself by the machine, or by a file of the provider's. */
static int check_platform(const struct check *check, const struct settings_client *client)
{
	if (client->managed_identity && !client->provider->resource)
		return wrong_client(check, client, "managed_identity is Microsoft's; set provider = \"microsoft\"");
	if (client->managed_identity && client->proxy)
		return wrong_client(check, client,
				    "managed_identity is told by this machine itself, and never through a proxy; leave "
				    "proxy out");
	if (client->managed_identity && strcmp(client->managed_identity, "arc") == 0 && client->client_id)
		return wrong_client(check, client,
				    "Azure Arc gives a machine one identity, its own; leave client_id out");
	if (client->service_account_file && !is_provider(client, "google"))
		return wrong_client(check, client, "service_account_file is Google's; set provider = \"google\"");
	return 0;
}

static int check_credentials(const struct check *check, const struct settings_client *client)
{
	int ways = (client->client_secret_file != NULL) + (client->client_key != NULL) +
		   (client->federated_token_file != NULL) + (client->managed_identity != NULL) +
		   (client->service_account_file != NULL);

	if (client->client_certificate && !client->client_key)
		return wrong_client(check, client,
				    "client_certificate without client_key; name its private key as well (of a PKCS#12 "
				    "file, the same one)");
	if (client->client_key_passphrase_file && !client->client_key)
		return wrong_client(check, client,
				    "client_key_passphrase_file without client_key; set both or neither");
	if (ways > 1)
		return wrong_client(check, client,
				    "only one of client_secret_file, client_key, federated_token_file, "
				    "managed_identity and service_account_file may be set");
	if (client->client_secret_expires && !client->client_secret_file)
		return wrong_client(check, client,
				    "client_secret_expires without client_secret_file; set both or neither");
	return check_platform(check, client);
}

static bool is_plain_http(const char *url)
{
	return url && strncmp(url, "http://", 7) == 0;
}

static int check_endpoints(const struct check *check, const struct settings_client *client)
{
	bool told = client->managed_identity || client->service_account_file;
	bool plain = is_plain_http(client->metadata_url) || is_plain_http(client->authorization_endpoint) ||
		     is_plain_http(client->token_endpoint) || is_plain_http(client->device_authorization_endpoint);

	if (plain && !client->managed_identity)
		return wrong_client(check, client,
				    "an http:// endpoint; only managed_identity has those, on this machine; "
				    "write https://");
	if (!client->metadata_url && !client->token_endpoint && !told)
		return wrong_client(check, client,
				    "nothing says where tokens come from; set provider, metadata_url (the "
				    "\"OpenID Connect metadata document\") or token_endpoint");
	if (!client->relayhost)
		return wrong_client(check, client,
				    "relayhost is missing: the submission server, such as "
				    "\"[smtp.example.com]:587\"");
	if (client->tenant && !client->provider->tenant)
		return wrong_client(check, client,
				    "tenant is Microsoft's; set provider = \"microsoft\" or leave it out");
	return 0;
}

static bool is_openid_scope(const char *scope, size_t len)
{
	static const char *const known[] = {"offline_access", "openid", "profile", "email"};
	size_t i;

	for (i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (strlen(known[i]) == len && strncmp(known[i], scope, len) == 0)
			return true;
	return false;
}

/* Would Entra ID make a token for Microsoft Graph of this? It takes every scope without a resource for Graph's. */
static bool is_graph_scope(const char *scope, size_t len)
{
	if (is_openid_scope(scope, len))
		return false;
	if (!memchr(scope, '/', len))
		return true;
	return memmem(scope, len, "graph.microsoft.", 16) || memmem(scope, len, "microsoftgraph.", 15) ||
	       memmem(scope, len, "dod-graph.", 10);
}

static int wrong_scope(const struct check *check, const struct settings_client *client)
{
	const struct provider *provider = client->provider;
	char application[128] = "";

	if (provider->scope_application)
		snprintf(application, sizeof(application), "; for client_credentials \"%s\"",
			 provider->scope_application);
	return settings_wrong(check->report, client->line,
			      "client \"%.100s\": scope asks for Microsoft Graph, whose tokens the mail server "
			      "refuses; leave scope out, or write \"%s\"%s",
			      client->name, provider->scope_user, application);
}

static int check_scope(const struct check *check, const struct settings_client *client)
{
	const char *scope = client->scope;
	size_t len;

	if (!scope || (!is_provider(client, "microsoft") && !is_provider(client, "outlook")))
		return 0;
	for (; *scope; scope += len) {
		scope += strspn(scope, " ");
		len = strcspn(scope, " ");
		if (len > 0 && is_graph_scope(scope, len))
			return wrong_scope(check, client);
	}
	return 0;
}

static int check_client(const struct check *check, const struct settings_client *client)
{
	if (check_endpoints(check, client) != 0 || check_credentials(check, client) != 0)
		return -1;
	return check_scope(check, client);
}

/* Does the URL go to one of Entra ID's endpoints that stand for no tenant? */
static bool names_no_tenant(const char *url)
{
	return url && (strstr(url, "/common/") || strstr(url, "/organizations/") || strstr(url, "/consumers/"));
}

static int check_client_credentials(const struct check *check, const struct settings_account *account)
{
	const struct settings_client *client = account->client;

	if (!client->client_secret_file && !client->client_key && !client->federated_token_file)
		return wrong_account(check, account,
				     "grant client_credentials needs client_secret_file, client_key or "
				     "federated_token_file in its client");
	if (is_provider(client, "microsoft") &&
	    (names_no_tenant(client->metadata_url) || names_no_tenant(client->token_endpoint)))
		return wrong_account(check, account,
				     "grant client_credentials needs a tenant of its own in its client: the "
				     "domain or ID of your organisation, not common, organizations or consumers");
	if (!client->scope && !client->provider->scope_application && !is_provider(client, "generic"))
		return wrong_account(check, account,
				     "this provider has no grant client_credentials; use refresh_token");
	return 0;
}

static int check_refresh_token(const struct check *check, const struct settings_account *account)
{
	const struct settings_client *client = account->client;

	if (client->managed_identity || client->service_account_file)
		return wrong_account(check, account,
				     "a client with managed_identity or service_account_file signs nobody in; "
				     "set grant to managed_identity or jwt_bearer");
	if (client->provider->public_client_sends_secret && !client->client_secret_file)
		return wrong_account(check, account,
				     "this provider wants the client's secret of desktop applications as "
				     "well; set client_secret_file in its client");
	return 0;
}

static int check_managed_identity(const struct check *check, const struct settings_account *account)
{
	if (!account->client->managed_identity)
		return wrong_account(check, account,
				     "grant managed_identity needs managed_identity in its client: vm, arc or "
				     "app-service");
	return 0;
}

static int check_jwt_bearer(const struct check *check, const struct settings_account *account)
{
	if (!account->client->service_account_file)
		return wrong_account(check, account, "grant jwt_bearer needs service_account_file in its client");
	return 0;
}

static const struct {
	int (*check)(const struct check *check, const struct settings_account *account);
	bool needs_client_id;
	const char *one_mailbox; /* why it is not good for all of a domain's; NULL: it is */
} grants[] = {
    [SETTINGS_REFRESH_TOKEN] = {check_refresh_token, true,
				"a person signs in for one mailbox, so *@domain needs grant client_credentials or "
				"managed_identity"},
    [SETTINGS_CLIENT_CREDENTIALS] = {check_client_credentials, true, NULL},
    [SETTINGS_MANAGED_IDENTITY] = {check_managed_identity, false, NULL},
    [SETTINGS_JWT_BEARER] = {check_jwt_bearer, false,
			     "Google gives a service account a token for one mailbox at a time, so each mailbox needs "
			     "a section account of its own, with its address in the place of *@domain"},
};

static int check_account(const struct check *check, const struct settings_account *account)
{
	if (grants[account->grant].check(check, account) != 0)
		return -1;
	if (grants[account->grant].needs_client_id && !account->client->client_id)
		return settings_wrong(check->report, account->client->line,
				      "client \"%.100s\": client_id is missing; account \"%.100s\" needs it",
				      account->client->name, account->name);
	if (account->name[0] == '*' && grants[account->grant].one_mailbox)
		return wrong_account(check, account, grants[account->grant].one_mailbox);
	return 0;
}

static int check_connector(const struct check *check, const struct settings_connector *connector)
{
	const char *missing = !connector->relayhost ? "relayhost" : connector->senders.count == 0 ? "senders" : NULL;

	if (!missing)
		return 0;
	return settings_wrong(check->report, connector->line, "connector \"%.100s\": %s is missing", connector->name,
			      missing);
}

static int check_programs(const struct check *check)
{
	const struct settings_milter *milter = &check->settings->milter;
	size_t i;

	if (check->settings->tokend.listen.count == 0)
		return settings_wrong(check->report, 0, "section tokend: listen names no socket");
	if (!milter->default_account)
		return 0;
	for (i = 0; i < check->settings->account_count; i++)
		if (strcmp(check->settings->accounts[i].name, milter->default_account) == 0)
			return 0;
	return settings_wrong(check->report, milter->line,
			      "section milter: there is no section account \"%.100s\", which "
			      "default_account names",
			      milter->default_account);
}

/* The address that a rule writes into mail must be its account's own, or the account's server would refuse it. */
static bool owns(const struct settings_rule *rule, const struct settings_address *addresses, size_t count)
{
	const struct settings_address *found = settings_addresses_exact(addresses, count, rule->address);

	if (!found)
		found = settings_addresses_pattern(addresses, count, rule->address);
	return found && found->account == rule->account;
}

static const char *rule_problem(const struct settings_rule *rule, const struct settings_address *addresses,
				size_t count)
{
	if (!rule->mode && !rule->account && !rule->address)
		return "says nothing; give it mode or account";
	if (rule->address && !rule->account)
		return "names an address and not whose it is; give it account as well";
	if (rule->address && !owns(rule, addresses, count))
		return "names an address that is not its account's; add it to that account's send_as";
	return NULL;
}

static bool has_conditions(const struct settings_rule *rule)
{
	return rule->clients.count + rule->logins.count + rule->listeners.count + rule->senders.count > 0;
}

static int check_rules(const struct check *check, const struct settings_address *addresses, size_t count)
{
	const struct settings_rule *rule = check->settings->rules;
	const struct settings_rule *end = rule + check->settings->rule_count;
	const char *problem;

	for (; rule < end; rule++) {
		problem = rule_problem(rule, addresses, count);
		if (!problem && rule + 1 < end && !has_conditions(rule))
			problem = "fits all mail, so that no rule after it counts; give it clients, logins, listeners "
				  "or senders, or put it last";
		if (problem)
			return settings_wrong(check->report, rule->line, "rule \"%.100s\" %s", rule->name, problem);
	}
	return 0;
}

int settings_check(const struct settings_report *report, const struct settings *settings)
{
	struct check check = {report, settings};
	struct settings_address *addresses;
	int result;
	size_t i;

	for (i = 0; i < settings->client_count; i++)
		if (check_client(&check, &settings->clients[i]) != 0)
			return -1;
	for (i = 0; i < settings->account_count; i++)
		if (check_account(&check, &settings->accounts[i]) != 0)
			return -1;
	for (i = 0; i < settings->connector_count; i++)
		if (check_connector(&check, &settings->connectors[i]) != 0)
			return -1;
	if (check_programs(&check) != 0)
		return -1;
	addresses = settings_addresses(settings, &i, report->err); /* one owner for each */
	result = addresses ? check_rules(&check, addresses, i) : -1;
	free(addresses);
	return result;
}
