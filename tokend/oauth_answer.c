/*
 * A token endpoint's answer, from bytes to an outcome, the tokens and one line for the operator. Pure. Whatever comes
 * (HTML, half an answer, an expired token), it never fails: what cannot be understood will be asked for again.
 * Called by the broker and by consent.
 */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "daemon/jsondoc.h"
#include "tokend/oauth_form.h"

/* A word longer than this in a description is taken for a token that the server quotes. */
#define WORD_MAX 100

#define REFRESH_EXPIRES_MAX (10LL * 365 * 24 * 60 * 60) /* seconds; what is longer is taken for "never" */

static bool is_visible(unsigned char c)
{
	return c > ' ' && c < 0x7f;
}

static bool is_all_visible(const char *text, size_t len)
{
	size_t i;

	for (i = 0; i < len; i++)
		if (!is_visible((unsigned char)text[i]))
			return false;
	return len > 0;
}

static size_t word_length(const char *text, size_t len)
{
	size_t i = 0;

	while (i < len && text[i] != ' ' && text[i] != '\t' && text[i] != '\r' && text[i] != '\n')
		i++;
	return i;
}

/* A word as it may be shown: bytes that are no visible ASCII become '?'. Returns its length; `shown` has WORD_MAX. */
static size_t show_word(const char *word, size_t len, char *shown)
{
	static const char too_long[] = "[...]";
	size_t i;

	if (len > WORD_MAX) {
		memcpy(shown, too_long, sizeof too_long - 1);
		return sizeof too_long - 1;
	}
	for (i = 0; i < len; i++)
		shown[i] = (char)(is_visible((unsigned char)word[i]) ? word[i] : '?');
	return len;
}

void oauth_copy_first_line(const char *text, size_t len, char *out, size_t size)
{
	size_t used = 0;

	while (len > 0 && *text != '\r' && *text != '\n') {
		char shown[WORD_MAX];
		size_t word = word_length(text, len);
		size_t width = show_word(text, word, shown);
		size_t gap = used > 0 && word > 0;

		if (used + gap + width >= size)
			break;
		if (word > 0) {
			memset(out + used, ' ', gap);
			memcpy(out + used + gap, shown, width);
			used += gap + width;
		}
		text += word;
		len -= word;
		while (len > 0 && (*text == ' ' || *text == '\t')) {
			text++;
			len--;
		}
	}
	out[used] = '\0';
}

static void set_detail(struct oauth_answer *out, const char *text)
{
	oauth_copy_first_line(text, strlen(text), out->detail, sizeof out->detail);
}

/* Tells an answer that is of no use as a token, in words of ours. */
static void try_again(struct oauth_answer *out, const char *error, const char *detail)
{
	out->outcome = OUTCOME_RETRY;
	snprintf(out->error, sizeof out->error, "%s", error);
	set_detail(out, detail);
}

bool oauth_looks_like_html(const char *body, size_t len)
{
	size_t i = 0;

	while (i < len && (body[i] == ' ' || (body[i] >= '\t' && body[i] <= '\r')))
		i++;
	if (len - i >= 3 && memcmp(body + i, "\xef\xbb\xbf", 3) == 0)
		i += 3;
	return i < len && body[i] == '<';
}

static void not_json(int status, const char *body, size_t len, const struct err *err, struct oauth_answer *out)
{
	char error[OAUTH_ERROR_MAX], detail[OAUTH_DETAIL_MAX];

	snprintf(error, sizeof error, "http_%d", status);
	if (oauth_looks_like_html(body, len))
		snprintf(detail, sizeof detail,
			 "HTTP %d: the answer is HTML, not JSON: is a proxy or a captive portal in between?", status);
	else if (len == 0)
		snprintf(detail, sizeof detail, "HTTP %d: the answer is empty", status);
	else
		snprintf(detail, sizeof detail, "HTTP %d: the answer cannot be understood: %.200s", status, err->text);
	try_again(out, error, detail);
}

/* RFC 6749's `error`; "unreadable_error" for one that cannot be shown; NULL for none. */
static const char *error_of(const json_t *document)
{
	const json_t *value = json_object_get(document, "error");
	const char *text = json_string_value(value);

	if (value == NULL || json_is_null(value))
		return NULL;
	if (text == NULL || json_string_length(value) >= OAUTH_ERROR_MAX ||
	    !is_all_visible(text, json_string_length(value)))
		return "unreadable_error";
	return text;
}

static int aadsts_of(const json_t *document, const char *description)
{
	json_int_t code = json_integer_value(json_array_get(json_object_get(document, "error_codes"), 0));
	const char *digits = description != NULL ? strstr(description, "AADSTS") : NULL;

	if (code == 0 && digits != NULL)
		code = strtol(digits + strlen("AADSTS"), NULL, 10);
	return code > 0 && code < INT_MAX ? (int)code : 0;
}

static void read_error(int status, const json_t *document, const char *error, struct oauth_answer *out)
{
	const json_t *value = json_object_get(document, "error_description");
	const char *description = json_string_value(value);

	if (error != NULL)
		snprintf(out->error, sizeof out->error, "%s", error);
	else
		snprintf(out->error, sizeof out->error, "http_%d", status);
	out->aadsts = aadsts_of(document, description);
	if (description != NULL)
		oauth_copy_first_line(description, json_string_length(value), out->detail, sizeof out->detail);
	else if (error == NULL)
		snprintf(out->detail, sizeof out->detail, "HTTP %d: the answer holds neither a token nor an error",
			 status);
}

/* What is wrong with the access token, or NULL. Spaces and controls would forge what follows it in the SASL message. */
static const char *read_access_token(const json_t *document, struct oauth_answer *out)
{
	const json_t *value = json_object_get(document, "access_token");
	const char *type = jsondoc_string(document, "token_type");

	if (!json_is_string(value) || json_string_length(value) == 0)
		return "the answer holds no access_token";
	if (type == NULL || strcasecmp(type, "Bearer") != 0)
		return "the answer's token_type is not Bearer";
	if (json_string_length(value) > SECRET_MAX)
		return "the answer's access_token is longer than 65536 bytes";
	if (!is_all_visible(json_string_value(value), json_string_length(value)))
		return "the answer's access_token holds characters that no token may hold";
	if (!jsondoc_integer(document, "expires_in", &out->expires_in))
		out->expires_in = OAUTH_EXPIRES_DEFAULT;
	if (out->expires_in <= 0)
		return "the answer says that the token has expired already";
	if (out->expires_in > OAUTH_EXPIRES_MAX)
		out->expires_in = OAUTH_EXPIRES_MAX;
	out->access_token = jsondoc_secret(document, "access_token");
	return out->access_token != NULL ? NULL : "no memory for the access token";
}

/* One that cannot be used is no reason to throw the access token away: the old one may be good for the next time. */
static void read_refresh_token(const json_t *document, struct oauth_answer *out)
{
	const json_t *value = json_object_get(document, "refresh_token");

	/* Google's and others' word for it, in no RFC */
	if (!jsondoc_integer(document, "refresh_token_expires_in", &out->refresh_expires_in) ||
	    out->refresh_expires_in < 0 || out->refresh_expires_in > REFRESH_EXPIRES_MAX)
		out->refresh_expires_in = 0;
	if (value == NULL || json_is_null(value) || (json_is_string(value) && json_string_length(value) == 0))
		return;
	out->refresh_token = jsondoc_secret(document, "refresh_token");
	if (out->refresh_token == NULL)
		set_detail(out, "the answer's refresh_token cannot be used (no text, or longer than 65536 bytes); "
				"the one we have is kept");
}

/* For advice only, so one that cannot be read is none. */
static void read_id_token(const json_t *document, struct oauth_answer *out)
{
	if (json_string_length(json_object_get(document, "id_token")) <= SECRET_MAX)
		out->id_token = jsondoc_secret(document, "id_token");
}

static void read_token(const json_t *document, struct oauth_answer *out)
{
	const char *wrong = read_access_token(document, out);

	/* Whatever is wrong beside it: the provider may have spent the one before. */
	read_refresh_token(document, out);
	if (wrong != NULL) {
		out->expires_in = 0;
		try_again(out, "bad_answer", wrong);
		return;
	}
	read_id_token(document, out);
}

void oauth_parse_answer(int status, const char *transport_error, const char *body, size_t len, struct oauth_answer *out)
{
	struct err err = {0};
	const char *error;
	json_t *document;

	memset(out, 0, sizeof *out);
	if (status == 0) {
		try_again(out, "no_answer", transport_error != NULL ? transport_error : "no answer");
		return;
	}
	document = jsondoc_parse_object(body, len, &err);
	if (document == NULL) {
		not_json(status, body, len, &err, out);
		return;
	}
	error = error_of(document);
	out->outcome = outcome_of(status, error);
	if (out->outcome == OUTCOME_TOKEN)
		read_token(document, out);
	else
		read_error(status, document, error, out);
	json_decref(document);
}

void oauth_answer_free(struct oauth_answer *answer)
{
	secret_free(answer->access_token);
	secret_free(answer->refresh_token);
	secret_free(answer->id_token);
	explicit_bzero(answer, sizeof *answer);
}
