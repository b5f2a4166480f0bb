/*
 * The configuration of email-oauth2-proxy, and the tokens in it. Pure; called by takeover_proxy.c.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/email_proxy.h"
#include "cli/fernet.h"
#include "daemon/jsondoc.h"
#include "lib/base64url.h"

#define SALT_MAX 1024
#define PLACEHOLDER "***" /* what the sample file has where a value belongs */

/* How often its versions hash the password: what the file says, as it says nothing, and what newer ones prefer. */
#define ITERATIONS_UNSAID 100000
#define ITERATIONS_NOW 1200000

static const char *own(const struct email_proxy *proxy, const char *section, const char *key)
{
	const char *text = jsondoc_string(json_object_get(proxy->cache, section), key);

	if (text == NULL)
		text = jsondoc_string(json_object_get(proxy->config, section), key);
	return text != NULL && *text != '\0' ? text : NULL;
}

/* The account's, else its domain's, else everybody's. */
static const char *value(const struct email_proxy *proxy, const char *section, const char *key)
{
	const char *text = own(proxy, section, key), *domain = strrchr(section, '@');

	if (text == NULL && domain != NULL)
		text = own(proxy, domain, key);
	return text != NULL ? text : own(proxy, "@", key);
}

static bool is(const char *text, const char *word)
{
	return text != NULL && strcmp(text, word) == 0;
}

static bool needs_no_token(const char *flow)
{
	return is(flow, "client_credentials") || is(flow, "service_account");
}

bool email_proxy_has_account(const struct email_proxy *proxy, const char *section)
{
	const char *client_id = value(proxy, section, "client_id"), *secret = value(proxy, section, "client_secret");

	if (strchr(section, '@') == NULL || is(section, "@") || client_id == NULL ||
	    strstr(client_id, PLACEHOLDER) != NULL || (secret != NULL && strstr(secret, PLACEHOLDER) != NULL))
		return false;
	return own(proxy, section, "refresh_token") != NULL || needs_no_token(value(proxy, section, "oauth2_flow"));
}

/* --- what is not encrypted --- */

static void read_sealed(const struct email_proxy *proxy, const char *section, struct email_proxy_sealed *out)
{
	const char *iterations = value(proxy, section, "token_iterations");

	*out = (struct email_proxy_sealed){
	    .salt = value(proxy, section, "token_salt"),
	    .iterations = iterations != NULL ? strtoul(iterations, NULL, 10) : ITERATIONS_UNSAID,
	};
	if (value(proxy, section, "client_secret") == NULL)
		out->client_secret = value(proxy, section, "client_secret_encrypted");
}

/* Its key is a file, whose path stands in the place of the secret, or stands there itself. */
static int read_service_account(const struct email_proxy *proxy, const char *section, struct foreign *out,
				struct err *err)
{
	if (!is(value(proxy, section, "client_id"), "file"))
		return err_set(err, ERR_CONFIG,
			       "%s: the key of the service account stands in the file itself; put it into one of its "
			       "own, and name that in service_account_file, as mailbearer-setup(7) has it",
			       section);
	out->service_account_file = value(proxy, section, "client_secret");
	if (out->service_account_file == NULL)
		return err_set(err, ERR_CONFIG, "%s: names no file with the key of its service account", section);
	out->client_id = NULL;
	out->grant = "jwt_bearer";
	return 0;
}

static int read_client(const struct email_proxy *proxy, const char *section, struct foreign *out,
		       struct email_proxy_sealed *sealed, struct err *err)
{
	if (foreign_copy_secret(value(proxy, section, "client_secret"), &out->client_secret) != 0)
		return err_set(err, ERR_LIMIT, "%s: a secret is larger than %d bytes", section, SECRET_MAX);
	out->certificate = value(proxy, section, "jwt_certificate_path");
	out->key = value(proxy, section, "jwt_key_path");
	if (needs_no_token(value(proxy, section, "oauth2_flow"))) {
		out->grant = "client_credentials";
		if (out->client_secret == NULL && sealed->client_secret == NULL && out->key == NULL)
			return err_set(err, ERR_CONFIG, "%s: neither a secret nor a certificate of the client is there",
				       section);
		return 0;
	}
	out->grant = "refresh_token";
	out->redirect_uri = value(proxy, section, "redirect_uri");
	sealed->refresh_token = own(proxy, section, "refresh_token");
	return sealed->refresh_token != NULL ? 0 : err_set(err, ERR_CONFIG, "%s: has no refresh_token", section);
}

int email_proxy_read(const struct email_proxy *proxy, const char *section, char name[EMAIL_PROXY_NAME_MAX],
		     struct foreign *out, struct email_proxy_sealed *sealed, struct err *err)
{
	int result;

	*out = (struct foreign){
	    .user = name,
	    .client_id = value(proxy, section, "client_id"),
	    .endpoint = value(proxy, section, "token_url"),
	};
	read_sealed(proxy, section, sealed);
	if (snprintf(name, EMAIL_PROXY_NAME_MAX, "%s%s", *section == '@' ? "*" : "", section) >= EMAIL_PROXY_NAME_MAX)
		return err_set(err, ERR_LIMIT, "%.60s...: the name is too long", section);
	if (json_object_get(proxy->config, section) == NULL && json_object_get(proxy->cache, section) == NULL)
		return err_set(err, ERR_NOT_FOUND, "%s: no section has that name", section);
	if (out->client_id == NULL || out->endpoint == NULL)
		return err_set(err, ERR_CONFIG, "%s: has no client_id or no token_url", section);
	result = is(value(proxy, section, "oauth2_flow"), "service_account")
		     ? read_service_account(proxy, section, out, err)
		     : read_client(proxy, section, out, sealed, err);
	return result == 0 ? foreign_prove(out, section, err) : -1;
}

/* --- what is encrypted --- */

/* Python writes base64's own alphabet, and pads. */
static int decode_salt(const char *text, struct buf *out)
{
	char plain[SALT_MAX];
	size_t len = strcspn(text, "=");

	if (len >= sizeof plain)
		return -1;
	for (size_t i = 0; i < len; i++)
		plain[i] = text[i] == '+' ? '-' : text[i] == '/' ? '_' : text[i];
	return base64url_decode(out, plain, len);
}

static struct secret *open_one(const struct fernet_key *key, const char *token)
{
	return token != NULL ? fernet_open(key, token, strlen(token)) : NULL;
}

/* All that is encrypted and not yet open. True: nothing is left. */
static bool open_with(const struct fernet_key *key, const struct email_proxy_sealed *sealed, struct foreign *out)
{
	if (out->refresh_token == NULL)
		out->refresh_token = open_one(key, sealed->refresh_token);
	if (out->client_secret == NULL)
		out->client_secret = open_one(key, sealed->client_secret);
	return (out->refresh_token != NULL || sealed->refresh_token == NULL) &&
	       (out->client_secret != NULL || sealed->client_secret == NULL);
}

int email_proxy_open(const struct email_proxy_sealed *sealed, const void *password, size_t len, struct foreign *out,
		     struct err *err)
{
	const unsigned long tries[] = {sealed->iterations, ITERATIONS_NOW, ITERATIONS_UNSAID};
	struct buf salt = BUF_INIT(SALT_MAX);
	struct fernet_key key;
	bool open = false;

	if (sealed->salt == NULL || decode_salt(sealed->salt, &salt) != 0 ||
	    sealed->iterations > FERNET_ITERATIONS_MAX) {
		buf_free(&salt);
		return err_set(err, ERR_CONFIG, "%s: token_salt or token_iterations is not what the proxy writes",
			       out->user);
	}
	for (size_t i = 0; !open && i < sizeof tries / sizeof tries[0]; i++)
		if ((i == 0 || tries[i] != tries[0]) &&
		    fernet_key_derive(password, len, salt.data, salt.len, tries[i], &key) == 0)
			open = open_with(&key, sealed, out);
	fernet_key_wipe(&key);
	buf_free(&salt);
	return open ? 0
		    : err_set(err, ERR_DENIED, "%s: it was encrypted with another password, or is damaged", out->user);
}
