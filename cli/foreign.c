/*
 * What other programs know of their accounts as sections of our configuration. Pure; called by the readers of their
 * files and by takeover.c.
 */
#include <stdlib.h>
#include <string.h>

#include "cli/foreign.h"

/* May it stand between our quotes? */
static bool is_plain(const char *text)
{
	for (; text != NULL && *text != '\0'; text++)
		if (*text <= ' ' || *text > '~' || strchr("\"\\$", *text) != NULL)
			return false;
	return true;
}

/* One that cannot be kept is an error, lest a confidential client should pass for a public one. */
int foreign_copy_secret(const char *text, struct secret **out)
{
	*out = text != NULL ? secret_new(text, strlen(text)) : NULL;
	return text == NULL || *out != NULL ? 0 : -1;
}

/* A name and a password in front of the host. */
static bool has_userinfo(const char *url)
{
	const char *host = url != NULL ? strstr(url, "://") : NULL;

	return host != NULL && memchr(host + 3, '@', strcspn(host + 3, "/?#")) != NULL;
}

int foreign_prove(const struct foreign *one, const char *source, struct err *err)
{
	const char *const texts[] = {one->user,        one->client_id, one->endpoint,
				     one->proxy,       one->ca_file,   one->redirect_uri,
				     one->certificate, one->key,       one->service_account_file};

	for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
		if (!is_plain(texts[i]))
			return err_set(err, ERR_CONFIG,
				       "%s: the account's name, client_id, an address or the path of a file holds a "
				       "character that it cannot have",
				       source);
	if (has_userinfo(one->endpoint) || has_userinfo(one->proxy))
		return err_set(err, ERR_CONFIG,
			       "%s: the proxy's or the endpoint's address holds a name or a password, which cannot be "
			       "taken over",
			       source);
	return 0;
}

void foreign_free(struct foreign *one)
{
	secret_free(one->client_secret);
	secret_free(one->refresh_token);
	one->client_secret = one->refresh_token = NULL;
}

static bool same(const char *a, const char *b)
{
	return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

bool foreign_same_client(const struct foreign *a, const struct foreign *b)
{
	return same(a->client_id, b->client_id) && same(a->endpoint, b->endpoint) && same(a->proxy, b->proxy) &&
	       same(a->ca_file, b->ca_file) && same(a->scope, b->scope) && same(a->redirect_uri, b->redirect_uri) &&
	       same(a->certificate, b->certificate) && same(a->key, b->key) &&
	       same(a->service_account_file, b->service_account_file) &&
	       secret_equal(a->client_secret, b->client_secret);
}

/* Microsoft's endpoints are https://HOST/TENANT/oauth2/v2.0/token; the cloud follows from the host. */
static bool add_microsoft(const char *endpoint, struct buf *out)
{
	static const struct {
		const char *prefix, *cloud;
	} hosts[] = {
	    {"https://login.microsoftonline.com/", NULL},
	    {"https://login.microsoftonline.us/", "gcc-high"},
	    {"https://login.partner.microsoftonline.cn/", "china"},
	};

	for (size_t i = 0; endpoint != NULL && i < sizeof hosts / sizeof hosts[0]; i++) {
		const char *tenant = endpoint + strlen(hosts[i].prefix);
		int len;

		if (strncmp(endpoint, hosts[i].prefix, strlen(hosts[i].prefix)) != 0)
			continue;
		len = (int)strcspn(tenant, "/");
		if (len == (int)strlen("consumers") && strncmp(tenant, "consumers", (size_t)len) == 0) {
			buf_puts(out, "    provider = \"outlook\"\n");
			return true;
		}
		buf_puts(out, "    provider = \"microsoft\"\n");
		if (hosts[i].cloud != NULL)
			buf_printf(out, "    cloud = \"%s\"    # or \"dod\"\n", hosts[i].cloud);
		buf_printf(out, "    tenant = \"%.*s\"\n", len, tenant);
		return true;
	}
	return false;
}

static bool is_google(const char *endpoint)
{
	return endpoint == NULL || strncmp(endpoint, "https://accounts.google.com/", 28) == 0 ||
	       strncmp(endpoint, "https://oauth2.googleapis.com/", 30) == 0;
}

static void put_key(const char *key, const char *value, struct buf *out)
{
	if (value != NULL)
		buf_printf(out, "    %s = \"%s\"\n", key, value);
}

void foreign_client(const struct foreign *one, const char *name, const char *secret_file, struct buf *out)
{
	buf_printf(out, "client \"%s\" {\n", name);
	if (is_google(one->endpoint))
		buf_puts(out, "    provider = \"google\"\n");
	else if (!add_microsoft(one->endpoint, out))
		buf_printf(out,
			   "    token_endpoint = \"%s\"\n"
			   "    relayhost = \"[mail.invalid]:587\"    # the submission server: put the right one in\n",
			   one->endpoint);
	put_key("client_id", one->client_id, out);
	put_key("client_secret_file", one->client_secret != NULL ? secret_file : NULL, out);
	put_key("client_certificate", one->certificate, out);
	put_key("client_key", one->key, out);
	put_key("service_account_file", one->service_account_file, out);
	put_key("redirect_uri", one->redirect_uri, out);
	put_key("proxy", one->proxy, out);
	put_key("ca_file", one->ca_file, out);
	buf_puts(out, "}\n");
}

void foreign_account(const struct foreign *one, const char *client, struct buf *out)
{
	buf_printf(out, "account \"%s\" {\n    client = \"%s\"\n    grant = \"%s\"\n", one->user, client, one->grant);
	if (one->window > 60)
		buf_printf(out, "    min_validity = %d\n", one->window);
	buf_puts(out, "}\n");
}
