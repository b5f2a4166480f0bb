/*
 * The messages of XOAUTH2 and OAUTHBEARER. Called by the plugin's steps and by tests; does no I/O, keeps nothing, and
 * of what the server says reads no more than a log line needs.
 */
#include <stdlib.h>
#include <string.h>

#include "sasl/response.h"

#define SEPARATOR "\x01"
#define CHALLENGE_MAX 4096 /* bytes of an error challenge that are looked at */

const char *response_mech_name(enum response_mech mech)
{
	return mech == RESPONSE_XOAUTH2 ? "XOAUTH2" : "OAUTHBEARER";
}

/* Without a branch per byte: tokens of 16 KiB pass here once a mail. */
static bool all_above_space(const char *bytes, size_t len, unsigned char highest)
{
	bool bad = len == 0;

	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)bytes[i];

		bad |= (c <= ' ') | (c == 0x7f) | (c > highest);
	}
	return !bad;
}

bool response_user_valid(const char *user, size_t len)
{
	return len <= RESPONSE_USER_MAX && all_above_space(user, len, 0xff);
}

bool response_token_valid(const char *token, size_t len)
{
	return all_above_space(token, len, 0x7e);
}

/* A name in a GS2 header (RFC 5801 section 4): '=' and ',' have their own meaning there. */
static void append_gs2_name(struct buf *out, const char *name, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if (name[i] == '=')
			buf_puts(out, "=3D");
		else if (name[i] == ',')
			buf_puts(out, "=2C");
		else
			buf_append(out, &name[i], 1);
	}
}

static bool host_valid(const char *host)
{
	size_t len = host != NULL ? strlen(host) : 0;

	return len <= RESPONSE_HOST_MAX && all_above_space(host, len, 0x7e);
}

static void append_gs2_header(struct buf *out, const struct response_fields *fields)
{
	buf_puts(out, "n,a=");
	append_gs2_name(out, fields->user, fields->user_len);
	buf_puts(out, "," SEPARATOR);
	if (host_valid(fields->host))
		buf_printf(out, "host=%s" SEPARATOR, fields->host);
	if (fields->port != 0)
		buf_printf(out, "port=%u" SEPARATOR, fields->port);
}

int response_append(enum response_mech mech, const struct response_fields *fields, struct buf *out)
{
	if (mech == RESPONSE_OAUTHBEARER) {
		append_gs2_header(out, fields);
	} else {
		buf_puts(out, "user=");
		buf_append(out, fields->user, fields->user_len);
		buf_puts(out, SEPARATOR);
	}
	buf_puts(out, "auth=Bearer ");
	buf_append(out, fields->token, fields->token_len);
	buf_puts(out, SEPARATOR SEPARATOR);
	return out->failed ? -1 : 0;
}

size_t response_command_len(enum response_mech mech, size_t len)
{
	return strlen("AUTH ") + strlen(response_mech_name(mech)) + strlen(" ") + (len + 2) / 3 * 4 + strlen("\r\n");
}

const char *response_to_error(enum response_mech mech, unsigned *len)
{
	const char *answer = mech == RESPONSE_OAUTHBEARER ? SEPARATOR : "";

	*len = (unsigned)strlen(answer);
	return answer;
}

unsigned response_port(const char *address)
{
	const char *digits = address != NULL ? strrchr(address, ';') : NULL;
	char *end;
	unsigned long port;

	if (digits == NULL || digits[1] < '0' || digits[1] > '9')
		return 0;
	port = strtoul(digits + 1, &end, 10);
	return *end == '\0' && port <= 65535 ? (unsigned)port : 0;
}

/* Where the reading of a challenge stands. Never recursive: how deep it is, is a number. */
struct scan {
	const char *at;
	const char *end;
	size_t depth;
};

static void skip_blanks(struct scan *scan)
{
	while (scan->at < scan->end && memchr(" \t\r\n", *scan->at, 4) != NULL)
		scan->at++;
}

/* Steps over a string, from behind its opening quote to behind its closing one, and returns its length between them. A
 * string without an end takes all that is left. */
static size_t skip_string(struct scan *scan)
{
	const char *start = scan->at;
	bool escaped = false;

	for (; scan->at < scan->end; scan->at++) {
		if (!escaped && *scan->at == '"')
			return (size_t)(scan->at++ - start);
		escaped = !escaped && *scan->at == '\\';
	}
	return (size_t)(scan->end - start);
}

/* Reads on to the member `name` of the outermost object and stops before its value. */
static bool find_member(struct scan *scan, const char *name)
{
	while (scan->at < scan->end) {
		char c = *scan->at++;
		const char *start = scan->at;
		size_t len;

		if (c == '{' || c == '[')
			scan->depth++;
		else if ((c == '}' || c == ']') && scan->depth > 0)
			scan->depth--;
		if (c != '"')
			continue;
		len = skip_string(scan);
		skip_blanks(scan);
		if (scan->depth != 1 || len != strlen(name) || memcmp(start, name, len) != 0)
			continue;
		if (scan->at < scan->end && *scan->at == ':') {
			scan->at++;
			skip_blanks(scan);
			return true;
		}
	}
	return false;
}

static bool is_word(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '.' || c == '_' ||
	       c == '-';
}

/* The bytes of the string, or of the number or word, that the reading stands at. */
static size_t read_value(struct scan *scan, const char **value)
{
	if (scan->at < scan->end && *scan->at == '"') {
		*value = ++scan->at;
		return skip_string(scan);
	}
	*value = scan->at;
	while (scan->at < scan->end && is_word(*scan->at))
		scan->at++;
	return (size_t)(scan->at - *value);
}

void response_error_status(const char *challenge, size_t len, char status[RESPONSE_STATUS_MAX])
{
	struct scan scan = {.at = challenge};
	const char *value;
	size_t value_len, used;

	status[0] = '\0';
	if (challenge == NULL)
		return;
	scan.end = challenge + (len < CHALLENGE_MAX ? len : CHALLENGE_MAX);
	if (!find_member(&scan, "status"))
		return;
	value_len = read_value(&scan, &value);
	for (used = 0; used < value_len && used < RESPONSE_STATUS_MAX - 1; used++)
		status[used] = is_word(value[used]) ? value[used] : '?';
	status[used] = '\0';
}
