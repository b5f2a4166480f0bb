/*
 * OAuth 2.0 requests: the forms that go to a token endpoint. Pure; what the answers mean is in oauth_answer.c and
 * oauth_metadata.c. Called by the broker and by consent. What it appends holds secrets: the buffers wipe themselves.
 */
#include <string.h>

#include "lib/urlencode.h"
#include "tokend/oauth_form.h"

#define ASSERTION_TYPE "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"

static int append_encoded_secret(struct buf *out, const struct secret *secret)
{
	struct buf bytes = BUF_INIT(SECRET_MAX);

	if (secret_append(secret, &bytes) != 0)
		out->failed = true;
	urlencode(out, bytes.data, bytes.len);
	buf_free(&bytes);
	return out->failed ? -1 : 0;
}

static int add_name(struct buf *body, const char *name)
{
	if (body->len > 0)
		buf_puts(body, "&");
	buf_puts(body, name);
	return buf_puts(body, "=");
}

int oauth_form_add(struct buf *body, const char *name, const char *value, size_t len)
{
	add_name(body, name);
	return urlencode(body, value, len);
}

int oauth_add_text(struct buf *body, const char *name, const char *value)
{
	return oauth_form_add(body, name, value, strlen(value));
}

int oauth_add_secret(struct buf *body, const char *name, const struct secret *value)
{
	add_name(body, name);
	return append_encoded_secret(body, value);
}

int oauth_choose_auth(const struct oauth_metadata *metadata, bool assertion, bool secret, enum oauth_auth *auth,
		      struct err *err)
{
	bool listed = metadata != NULL && metadata->auth_listed;

	if (assertion && listed && !metadata->auth_private_key_jwt)
		return err_set(err, ERR_CONFIG,
			       "the provider's metadata document does not list private_key_jwt, and this client has "
			       "nothing else to prove itself with");
	if (!assertion && secret && listed && !metadata->auth_post && !metadata->auth_basic)
		return err_set(err, ERR_CONFIG,
			       "the provider's metadata document lists neither client_secret_post nor "
			       "client_secret_basic, and this client has a secret only");
	if (assertion)
		*auth = OAUTH_AUTH_ASSERTION;
	else if (!secret)
		*auth = OAUTH_AUTH_NONE;
	else if (metadata != NULL && metadata->auth_basic && !metadata->auth_post)
		*auth = OAUTH_AUTH_BASIC;
	else
		*auth = OAUTH_AUTH_POST;
	return 0;
}

/* client_id, and what proves that it is us as far as that goes into the form. */
static int add_client(struct buf *body, const struct oauth_client *client)
{
	if (client->auth != OAUTH_AUTH_NONE && client->credential == NULL) {
		body->failed = true;
		return -1;
	}
	if (client->auth != OAUTH_AUTH_BASIC && client->client_id != NULL)
		oauth_add_text(body, "client_id", client->client_id);
	if (client->auth == OAUTH_AUTH_POST)
		oauth_add_secret(body, "client_secret", client->credential);
	if (client->auth == OAUTH_AUTH_ASSERTION) {
		oauth_add_text(body, "client_assertion_type", ASSERTION_TYPE);
		oauth_add_secret(body, "client_assertion", client->credential);
	}
	if (client->scope != NULL)
		oauth_add_text(body, "scope", client->scope);
	return body->failed ? -1 : 0;
}

int oauth_token_body(const struct oauth_client *client, const struct oauth_grant *grant, struct buf *body)
{
	static const struct {
		const char *type, *parameter; /* parameter NULL: the client's own proof is all there is */
	} rows[] = {
	    [OAUTH_REFRESH_TOKEN] = {"refresh_token", "refresh_token"},
	    [OAUTH_CLIENT_CREDENTIALS] = {"client_credentials", NULL},
	    [OAUTH_AUTHORIZATION_CODE] = {"authorization_code", "code"},
	    [OAUTH_DEVICE_CODE] = {"urn:ietf:params:oauth:grant-type:device_code", "device_code"},
	    [OAUTH_JWT_BEARER] = {"urn:ietf:params:oauth:grant-type:jwt-bearer", "assertion"},
	    [OAUTH_DEVICE_AUTHORIZATION] = {NULL, NULL},
	};

	if (rows[grant->type].type != NULL)
		oauth_add_text(body, "grant_type", rows[grant->type].type);
	if (rows[grant->type].parameter != NULL)
		oauth_add_secret(body, rows[grant->type].parameter, grant->secret);
	if (grant->redirect_uri != NULL)
		oauth_add_text(body, "redirect_uri", grant->redirect_uri);
	if (grant->verifier != NULL)
		oauth_add_secret(body, "code_verifier", grant->verifier);
	return add_client(body, client);
}

static int append_base64(struct buf *out, const unsigned char *bytes, size_t len)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	size_t i;

	for (i = 0; i < len; i += 3) {
		unsigned b1 = i + 1 < len ? bytes[i + 1] : 0;
		unsigned b2 = i + 2 < len ? bytes[i + 2] : 0;
		unsigned group = (unsigned)bytes[i] << 16 | b1 << 8 | b2;
		char four[4] = {digits[group >> 18], digits[group >> 12 & 63], digits[group >> 6 & 63],
				digits[group & 63]};

		if (i + 1 >= len)
			four[2] = '=';
		if (i + 2 >= len)
			four[3] = '=';
		buf_append(out, four, sizeof four);
	}
	return out->failed ? -1 : 0;
}

int oauth_basic_header(const struct oauth_client *client, struct buf *value)
{
	struct buf pair = BUF_INIT(4 * SECRET_MAX);
	int result = -1;

	if (client->credential != NULL && urlencode(&pair, client->client_id, strlen(client->client_id)) == 0 &&
	    buf_puts(&pair, ":") == 0 && append_encoded_secret(&pair, client->credential) == 0 &&
	    buf_puts(value, "Basic ") == 0)
		result = append_base64(value, (const unsigned char *)pair.data, pair.len);
	else
		value->failed = true;
	buf_free(&pair);
	return result;
}
