/*
 * The messages of a sign-in. Pure; called by consent. Codes and verifiers are secrets: they go into buffers that wipe
 * themselves and into no text that is shown.
 */
#include <openssl/evp.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "daemon/jsondoc.h"
#include "lib/base64url.h"
#include "tokend/signin.h"
#include "tokend/oauth_form.h"

#define VALUE_MAX (16 * 1024) /* bytes of one decoded parameter */
#define INTERVAL_MAX 60

/* --- authorization code ------------------------------------------------------------------------------------------- */

/* RFC 7636 section 4.2: BASE64URL(SHA256(verifier)). */
static int append_challenge(struct buf *out, const struct secret *verifier)
{
	unsigned char digest[EVP_MAX_MD_SIZE];
	struct buf bytes = BUF_INIT(SECRET_MAX);
	unsigned len = 0;
	int status = -1;

	if (secret_append(verifier, &bytes) == 0 &&
	    EVP_Digest(bytes.data, bytes.len, digest, &len, EVP_sha256(), NULL) == 1)
		status = base64url_append(out, digest, len);
	buf_free(&bytes);
	return status;
}

int oauth_authorization_url(const struct oauth_authorization *authorization, struct buf *url)
{
	struct buf query = BUF_INIT(OAUTH_URL_MAX), challenge = BUF_INIT(64);
	int status = append_challenge(&challenge, authorization->verifier);

	oauth_add_text(&query, "client_id", authorization->client_id);
	oauth_add_text(&query, "response_type", "code");
	oauth_add_text(&query, "redirect_uri", authorization->redirect_uri);
	if (authorization->scope != NULL)
		oauth_add_text(&query, "scope", authorization->scope);
	oauth_add_text(&query, "state", authorization->state);
	oauth_add_text(&query, "code_challenge", challenge.data != NULL ? challenge.data : "");
	oauth_add_text(&query, "code_challenge_method", "S256");
	if (authorization->login_hint != NULL)
		oauth_add_text(&query, "login_hint", authorization->login_hint);
	if (authorization->extra != NULL)
		buf_printf(&query, "&%s", authorization->extra);
	buf_puts(url, authorization->endpoint);
	buf_puts(url, strchr(authorization->endpoint, '?') != NULL ? "&" : "?");
	if (query.failed || status != 0)
		url->failed = true;
	else
		buf_append(url, query.data, query.len);
	buf_free(&query);
	buf_free(&challenge);
	return url->failed ? -1 : 0;
}

/* --- the callback ------------------------------------------------------------------------------------------------- */

static int hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = (char)(c | 0x20);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* application/x-www-form-urlencoded; NUL is refused. */
static int decode(const char *text, size_t len, struct buf *out)
{
	for (size_t at = 0; at < len; at++) {
		char c = text[at] == '+' ? ' ' : text[at];

		if (c == '%') {
			int high = at + 2 < len ? hex_value(text[at + 1]) : -1;
			int low = at + 2 < len ? hex_value(text[at + 2]) : -1;

			if (high < 0 || low < 0)
				return -1;
			c = (char)(high << 4 | low);
			at += 2;
		}
		if (c == '\0' || buf_append(out, &c, 1) != 0)
			return -1;
	}
	return 0;
}

/* Copies a short value; a longer one is an error. */
static int keep_text(char *to, size_t size, const struct buf *value)
{
	if (to[0] != '\0' || value->len >= size)
		return -1;
	memcpy(to, value->len > 0 ? value->data : "", value->len);
	to[value->len] = '\0';
	return 0;
}

static bool is_name(const char *name, size_t len, const char *wanted)
{
	return len == strlen(wanted) && memcmp(name, wanted, len) == 0;
}

static int keep_parameter(struct oauth_callback *out, const char *name, size_t len, const struct buf *value)
{
	if (is_name(name, len, "code")) {
		if (out->code != NULL || value->len == 0)
			return -1;
		out->code = secret_new(value->data, value->len);
		return out->code != NULL ? 0 : -1;
	}
	if (is_name(name, len, "state"))
		return keep_text(out->state, sizeof out->state, value);
	if (is_name(name, len, "iss"))
		return keep_text(out->issuer, sizeof out->issuer, value);
	if (is_name(name, len, "error") && value->len > 0)
		oauth_copy_first_line(value->data, value->len, out->error, sizeof out->error);
	else if (is_name(name, len, "error_description") && value->len > 0)
		oauth_copy_first_line(value->data, value->len, out->detail, sizeof out->detail);
	return 0; /* session_state and whatever else a provider adds */
}

static int read_parameter(const char *text, size_t len, struct oauth_callback *out)
{
	const char *equals = memchr(text, '=', len);
	size_t name_len = equals != NULL ? (size_t)(equals - text) : len;
	struct buf value = BUF_INIT(VALUE_MAX);
	int status = equals == NULL ? 0 : decode(equals + 1, len - name_len - 1, &value);

	if (status == 0)
		status = keep_parameter(out, text, name_len, &value);
	buf_free(&value);
	return status;
}

int oauth_parse_callback(const char *query, size_t len, struct oauth_callback *out, struct err *err)
{
	const char *end = query + len;

	memset(out, 0, sizeof *out);
	if (len > OAUTH_URL_MAX)
		return err_set(err, ERR_LIMIT, "the address that came back is longer than %d bytes", OAUTH_URL_MAX);
	while (query < end) {
		const char *next = memchr(query, '&', (size_t)(end - query));
		const char *stop = next != NULL ? next : end;

		if (read_parameter(query, (size_t)(stop - query), out) != 0) {
			oauth_callback_free(out);
			return err_set(err, ERR_SYNTAX,
				       "the address that came back cannot be read: copy it whole, and once");
		}
		query = stop < end ? stop + 1 : end;
	}
	if ((out->code == NULL) == (out->error[0] == '\0')) {
		oauth_callback_free(out);
		return err_set(err, ERR_SYNTAX,
			       "the address that came back holds neither a code nor an error: copy it whole, "
			       "from http:// to its end");
	}
	return 0;
}

void oauth_callback_free(struct oauth_callback *callback)
{
	secret_free(callback->code);
	memset(callback, 0, sizeof *callback);
}

/* --- device code -------------------------------------------------------------------------------------------------- */

/* A number from 1 to `max`; `missing` when the answer does not say or says nonsense. */
static int64_t bounded(const json_t *object, const char *key, int64_t missing, int64_t max)
{
	int64_t value;

	if (!jsondoc_integer(object, key, &value) || value < 1)
		return missing;
	return value < max ? value : max;
}

/* For the terminal: printable, and short enough to be what it says it is. */
static int copy_shown(const json_t *object, const char *key, char *to, size_t size)
{
	const char *text = jsondoc_string(object, key);

	if (text == NULL || strlen(text) >= size || text[0] == '\0')
		return -1;
	oauth_copy_first_line(text, strlen(text), to, size);
	return strcmp(to, text) == 0 ? 0 : -1;
}

static int read_device(const json_t *object, struct oauth_device *out)
{
	out->device_code = jsondoc_secret(object, "device_code");
	out->expires_in = bounded(object, "expires_in", 900, OAUTH_DEVICE_LIFE_MAX);
	out->interval = bounded(object, "interval", OAUTH_DEVICE_INTERVAL, INTERVAL_MAX);
	/* Google's older name for it is verification_url. */
	if (copy_shown(object, "verification_uri", out->verification_uri, sizeof out->verification_uri) != 0 &&
	    copy_shown(object, "verification_url", out->verification_uri, sizeof out->verification_uri) != 0)
		return -1;
	if (strncmp(out->verification_uri, "https://", 8) != 0)
		return -1;
	return out->device_code != NULL ? copy_shown(object, "user_code", out->user_code, sizeof out->user_code) : -1;
}

int oauth_parse_device(const char *body, size_t len, struct oauth_device *out, struct err *err)
{
	json_t *object = jsondoc_parse_object(body, len, err);
	int result = -1;

	memset(out, 0, sizeof *out);
	if (object != NULL && (result = read_device(object, out)) != 0) {
		oauth_device_free(out);
		err_set(err, ERR_SYNTAX, "the provider's answer holds no device code");
	}
	json_decref(object);
	return result;
}

void oauth_device_free(struct oauth_device *device)
{
	secret_free(device->device_code);
	memset(device, 0, sizeof *device);
}
