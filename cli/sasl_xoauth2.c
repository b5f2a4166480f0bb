/*
 * Reads the files of sasl-xoauth2, for takeover_sasl_xoauth2.c. Pure.
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

static int prove(const struct foreign *one, const char *path, struct err *err)
{
	if (strchr(one->user, '@') == NULL)
		return err_set(err, ERR_CONFIG,
			       "%s: neither its member user nor its name is a mailbox's address; add \"user\"", path);
	if (one->client_id == NULL)
		return err_set(err, ERR_CONFIG, "%s: neither it nor the configuration has a client_id", path);
	if (one->refresh_token == NULL && (one->scope == NULL || strstr(one->scope, APPLICATION_SCOPE) == NULL))
		return err_set(err, ERR_CONFIG, "%s: has no refresh_token", path);
	return foreign_prove(one, path, err);
}

int sasl_xoauth2_read(const json_t *config, const json_t *tokens, const char *path, struct foreign *out,
		      struct err *err)
{
	*out = (struct foreign){
	    .user = user_of(tokens, path),
	    .client_id = value(config, tokens, "client_id"),
	    .endpoint = value(config, tokens, "token_endpoint"),
	    .scope = value(config, tokens, "scope"),
	    .proxy = value(config, tokens, "proxy"),
	    .ca_file = value(config, tokens, "ca_bundle_file"),
	    .window = window_of(config, tokens),
	};
	if (foreign_copy_secret(value(config, tokens, "client_secret"), &out->client_secret) != 0 ||
	    foreign_copy_secret(value(NULL, tokens, "refresh_token"), &out->refresh_token) != 0)
		return err_set(err, ERR_LIMIT, "%s: a secret is larger than %d bytes", path, SECRET_MAX);
	out->grant = out->refresh_token != NULL ? "refresh_token" : "client_credentials";
	return prove(out, path, err);
}
