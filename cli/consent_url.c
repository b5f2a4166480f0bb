/* The command consent-url: the administrator-consent address of a client, from the configuration alone. Called by
 * main.c. */
#include <string.h>
#include <strings.h>

#include "cli/cli.h"
#include "cli/consent_url.h"
#include "cli/output.h"
#include "lib/urlencode.h"

#define ADDRESS_MAX 8192

/* Whose consent it is about. */
struct subject {
	const struct settings_client *client;
	enum settings_grant grant;
};

/* The first account of the client says what it is used for. */
static enum settings_grant grant_of(const struct settings *settings, const struct settings_client *client)
{
	for (size_t i = 0; i < settings->account_count; i++)
		if (settings->accounts[i].client == client)
			return settings->accounts[i].grant;
	return SETTINGS_REFRESH_TOKEN;
}

static int find(const struct settings *settings, const char *name, struct subject *out, struct err *err)
{
	for (size_t i = 0; name != NULL && i < settings->account_count; i++) {
		if (strcasecmp(settings->accounts[i].name, name) == 0) {
			*out = (struct subject){settings->accounts[i].client, settings->accounts[i].grant};
			return 0;
		}
	}
	for (size_t i = 0; i < settings->client_count; i++) {
		const struct settings_client *client = &settings->clients[i];

		if (name != NULL ? strcmp(client->name, name) == 0 : settings->client_count == 1) {
			*out = (struct subject){client, grant_of(settings, client)};
			return 0;
		}
	}
	if (name == NULL)
		return err_set(err, ERR_NOT_FOUND, "%s has %zu clients; name one, or an account", settings->path,
			       settings->client_count);
	return err_set(err, ERR_NOT_FOUND, "%s has no account and no client \"%.100s\"", settings->path, name);
}

/* "https://login.microsoftonline.com/TENANT" as far as the endpoints show it; its length, or 0. */
static size_t base_of(const struct settings_client *client, const char **base)
{
	const char *urls[] = {client->metadata_url, client->authorization_endpoint, client->token_endpoint};

	for (size_t i = 0; i < sizeof urls / sizeof urls[0]; i++) {
		const char *end =
		    urls[i] != NULL ? strstr(urls[i], i == 0 ? "/v2.0/.well-known/" : "/oauth2/v2.0/") : NULL;

		if (end != NULL) {
			*base = urls[i];
			return (size_t)(end - urls[i]);
		}
	}
	return 0;
}

static const char *scope_of(const struct subject *subject)
{
	const struct settings_client *client = subject->client;

	if (client->scope != NULL)
		return client->scope;
	return subject->grant == SETTINGS_REFRESH_TOKEN ? client->provider->scope_user
							: client->provider->scope_application;
}

static void add(struct buf *out, const char *name, const char *value)
{
	buf_puts(out, name);
	urlencode(out, value, strlen(value));
}

int consent_url(const struct settings *settings, const char *name, struct buf *out, struct err *err)
{
	struct subject subject = {NULL, SETTINGS_REFRESH_TOKEN};
	const char *base = NULL;
	size_t len;

	if (find(settings, name, &subject, err) != 0)
		return -1;
	len = base_of(subject.client, &base);
	if (!subject.client->provider->tenant || len == 0)
		return err_set(err, ERR_CONFIG, "client \"%.100s\": only Microsoft's tenants have such an address",
			       subject.client->name);
	if (memmem(base, len, "/consumers", 10) != NULL || memmem(base, len, "/common", 7) != NULL)
		return err_set(
		    err, ERR_CONFIG,
		    "client \"%.100s\": only an organisation has an administrator who can consent; set tenant",
		    subject.client->name);
	if (subject.client->client_id == NULL)
		return err_set(err, ERR_CONFIG, "client \"%.100s\" has no client_id: there is nothing to consent to",
			       subject.client->name);
	buf_append(out, base, len);
	add(out, "/v2.0/adminconsent?client_id=", subject.client->client_id);
	add(out, "&redirect_uri=", subject.client->redirect_uri);
	add(out, "&scope=", scope_of(&subject));
	return out->failed ? err_set(err, ERR_MEMORY, "out of memory") : 0;
}

enum cli_exit cli_consent_url(const struct cli_call *call, struct err *err)
{
	struct buf address = BUF_INIT(ADDRESS_MAX);
	struct settings *settings;
	enum cli_exit result = CLI_FAILED;

	if (settings_load(call->config != NULL ? call->config : CLI_CONFIG_DEFAULT, &settings, err) != 0)
		return CLI_FAILED;
	if (consent_url(settings, call->account, &address, err) == 0 && output_line(&address, err) == 0)
		result = CLI_DONE;
	settings_free(settings);
	buf_free(&address);
	return result;
}
