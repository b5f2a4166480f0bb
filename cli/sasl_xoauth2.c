/*
 * The files of sasl-xoauth2 as configuration of ours. Pure; called by takeover.c, which reads and writes.
 */
#include <stdlib.h>
#include <string.h>

#include "cli/sasl_xoauth2.h"
#include "daemon/jsondoc.h"

#define APPLICATION_SCOPE "/.default"

/* The token file's, also when it is empty, else the configuration's. An empty one is none: NULL. */
static const char *value(const json_t *config, const json_t *tokens, const char *key)
{
	const char *text = jsondoc_string(tokens, key);

	if (text == NULL)
		text = jsondoc_string(config, key);
	return text != NULL && *text != '\0' ? text : NULL;
}

/* May it stand between our quotes? */
static bool is_plain(const char *text)
{
	for (; text != NULL && *text != '\0'; text++)
		if (*text <= ' ' || *text > '~' || strchr("\"\\$", *text) != NULL)
			return false;
	return true;
}

static const char *user_of(const json_t *tokens, const char *path)
{
	const char *user = value(NULL, tokens, "user"), *slash = strrchr(path, '/');

	return user != NULL ? user : slash != NULL ? slash + 1 : path;
}

/* In seconds; what is no number, and the poison "0", is none. */
static int window_of(const json_t *config, const json_t *tokens)
{
	int64_t window = 0;

	if ((!jsondoc_integer(tokens, "refresh_window", &window) || window <= 0) &&
	    !jsondoc_integer(config, "refresh_window", &window))
		return 0;
	if (window <= 0)
		return 0;
	return window < SASL_XOAUTH2_WINDOW_MAX ? (int)window : SASL_XOAUTH2_WINDOW_MAX;
}

/* None is no error; one that cannot be kept is, lest a confidential client should pass for a public one. */
static int copy_secret(const char *text, struct secret **out)
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

static int prove_texts(const struct sasl_xoauth2 *one, const char *path, struct err *err)
{
	if (!is_plain(one->user) || !is_plain(one->client_id) || !is_plain(one->endpoint) || !is_plain(one->proxy) ||
	    !is_plain(one->ca_file))
		return err_set(err, ERR_CONFIG,
			       "%s: user, client_id, token_endpoint, proxy or ca_bundle_file holds a character that it "
			       "cannot have",
			       path);
	if (has_userinfo(one->endpoint) || has_userinfo(one->proxy))
		return err_set(err, ERR_CONFIG,
			       "%s: proxy or token_endpoint holds a name or a password, which cannot be taken over",
			       path);
	return 0;
}

static int prove(const struct sasl_xoauth2 *one, const char *path, struct err *err)
{
	if (strchr(one->user, '@') == NULL)
		return err_set(err, ERR_CONFIG,
			       "%s: neither its member user nor its name is a mailbox's address; add \"user\"", path);
	if (one->client_id == NULL)
		return err_set(err, ERR_CONFIG, "%s: neither it nor the configuration has a client_id", path);
	if (one->refresh_token == NULL && (one->scope == NULL || strstr(one->scope, APPLICATION_SCOPE) == NULL))
		return err_set(err, ERR_CONFIG, "%s: has no refresh_token", path);
	return prove_texts(one, path, err);
}

int sasl_xoauth2_read(const json_t *config, const json_t *tokens, const char *path, struct sasl_xoauth2 *out,
		      struct err *err)
{
	*out = (struct sasl_xoauth2){
	    .user = user_of(tokens, path),
	    .client_id = value(config, tokens, "client_id"),
	    .endpoint = value(config, tokens, "token_endpoint"),
	    .scope = value(config, tokens, "scope"),
	    .proxy = value(config, tokens, "proxy"),
	    .ca_file = value(config, tokens, "ca_bundle_file"),
	    .window = window_of(config, tokens),
	};
	if (copy_secret(value(config, tokens, "client_secret"), &out->client_secret) != 0 ||
	    copy_secret(value(NULL, tokens, "refresh_token"), &out->refresh_token) != 0)
		return err_set(err, ERR_LIMIT, "%s: a secret is larger than %d bytes", path, SECRET_MAX);
	return prove(out, path, err);
}

void sasl_xoauth2_free(struct sasl_xoauth2 *one)
{
	secret_free(one->client_secret);
	secret_free(one->refresh_token);
	one->client_secret = one->refresh_token = NULL;
}

static bool same(const char *a, const char *b)
{
	return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

bool sasl_xoauth2_same_client(const struct sasl_xoauth2 *a, const struct sasl_xoauth2 *b)
{
	return same(a->client_id, b->client_id) && same(a->endpoint, b->endpoint) && same(a->proxy, b->proxy) &&
	       same(a->ca_file, b->ca_file) && same(a->scope, b->scope) &&
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

void sasl_xoauth2_client(const struct sasl_xoauth2 *one, const char *name, const char *secret_file, struct buf *out)
{
	buf_printf(out, "client \"%s\" {\n", name);
	if (is_google(one->endpoint))
		buf_puts(out, "    provider = \"google\"\n");
	else if (!add_microsoft(one->endpoint, out))
		buf_printf(out,
			   "    token_endpoint = \"%s\"\n"
			   "    relayhost = \"[mail.invalid]:587\"    # the submission server: put the right one in\n",
			   one->endpoint);
	buf_printf(out, "    client_id = \"%s\"\n", one->client_id);
	if (one->client_secret != NULL)
		buf_printf(out, "    client_secret_file = \"%s\"\n", secret_file);
	if (one->proxy != NULL)
		buf_printf(out, "    proxy = \"%s\"\n", one->proxy);
	if (one->ca_file != NULL)
		buf_printf(out, "    ca_file = \"%s\"\n", one->ca_file);
	buf_puts(out, "}\n");
}

void sasl_xoauth2_account(const struct sasl_xoauth2 *one, const char *client, struct buf *out)
{
	buf_printf(out, "account \"%s\" {\n    client = \"%s\"\n    grant = \"%s\"\n", one->user, client,
		   one->refresh_token != NULL ? "refresh_token" : "client_credentials");
	if (one->window > 60)
		buf_printf(out, "    min_validity = %d\n", one->window);
	buf_puts(out, "}\n");
}
