/*
 * Takes a text apart: a bare code, or a line of Postfix's, Sendmail's or our own log. Pure, and made for hostile lines:
 * any bytes, no allocation, time linear in the line's length. Called by `mailbearer explain`, `status` and `check`.
 */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "daemon/explain_private.h"

#define DETAIL_MAX 999 /* RFC 3463: three digits */
#define AADSTS_DIGITS_MAX 9
#define BARE_AADSTS_MIN 10000 /* so that no SMTP code is taken for one */

static bool is_word(char c)
{
	return isalnum((unsigned char)c) || c == '_' || c == '-';
}

static struct explain_span rest_of(struct explain_span text, const char *from)
{
	return (struct explain_span){from, text.len - (size_t)(from - text.at)};
}

/* A number of at most `digits_max` digits at the span's beginning, which moves behind it. -1: none, or longer. */
static long take_number(struct explain_span *text, size_t digits_max)
{
	long number = 0;
	size_t i = 0;

	while (i < text->len && isdigit((unsigned char)text->at[i])) {
		if (i == digits_max)
			return -1;
		number = number * 10 + (text->at[i++] - '0');
	}
	text->at += i;
	text->len -= i;
	return i > 0 ? number : -1;
}

static bool take_byte(struct explain_span *text, char byte)
{
	if (text->len == 0 || text->at[0] != byte)
		return false;
	text->at++;
	text->len--;
	return true;
}

/* --- AADSTS --- */

static long find_aadsts(struct explain_span text)
{
	const char *at = explain_search(text, "AADSTS");
	struct explain_span rest;
	long code;

	while (at) {
		rest = rest_of(text, at + strlen("AADSTS"));
		code = take_number(&rest, AADSTS_DIGITS_MAX);
		if (code > 0)
			return code;
		at = explain_search(rest, "AADSTS");
	}
	return 0;
}

/* The whole text is such a number. */
static long bare_aadsts(struct explain_span text)
{
	long code = take_number(&text, AADSTS_DIGITS_MAX);

	return code >= BARE_AADSTS_MIN && text.len == 0 ? code : 0;
}

/* --- replies --- */

/* "5.7.139", and neither part of a version nor of an address: moves `text` behind it. */
static bool take_enhanced(struct explain_span *text, struct explain_reply *out)
{
	struct explain_span rest = *text;
	long class_ = take_number(&rest, 1), subject, detail;

	if ((class_ != 2 && class_ != 4 && class_ != 5) || !take_byte(&rest, '.'))
		return false;
	subject = take_number(&rest, 3);
	if (subject < 0 || subject > DETAIL_MAX || !take_byte(&rest, '.'))
		return false;
	detail = take_number(&rest, 3);
	if (detail < 0 || (rest.len > 0 && is_word(rest.at[0])) ||
	    (rest.len > 1 && rest.at[0] == '.' && isdigit((unsigned char)rest.at[1])))
		return false;
	out->class_ = (int)class_;
	out->subject = (int)subject;
	out->detail = (int)detail;
	out->text = rest;
	*text = rest;
	return true;
}

/* "535", followed by a blank, a '-' or the end. */
static bool take_basic(struct explain_span *text, struct explain_reply *out)
{
	struct explain_span rest = *text;
	long basic = take_number(&rest, 3);

	if (basic < 200 || basic > 599 || (rest.len > 0 && !take_byte(&rest, ' ') && !take_byte(&rest, '-')))
		return false;
	out->basic = (int)basic;
	out->text = rest;
	*text = rest;
	return true;
}

/* A reply at the text's beginning: "535 5.7.3 words", "535-5.7.8 words", "535", "5.7.3 words". */
static bool read_reply(struct explain_span text, struct explain_reply *out)
{
	struct explain_reply reply = {0};
	bool basic = take_basic(&text, &reply);
	bool enhanced = take_enhanced(&text, &reply);

	if (basic || enhanced)
		*out = reply;
	return basic || enhanced;
}

/* The reply behind one of the words with which mail servers quote one. */
static bool quoted_reply(struct explain_span line, struct explain_reply *out)
{
	static const char *const marks[] = {
	    " said: ", " reply=", ", stat=Deferred: ", " refused to talk to me: ", "(host said: "};

	for (size_t i = 0; i < sizeof marks / sizeof marks[0]; i++) {
		const char *at = explain_search(line, marks[i]);

		if (at && read_reply(rest_of(line, at + strlen(marks[i])), out))
			return true;
	}
	return false;
}

/* "535 5.7.139" anywhere, or failing that "5.7.139", or failing that "dsn=4.7.139". */
static bool loose_reply(struct explain_span line, struct explain_reply *out)
{
	struct explain_reply reply, enhanced = {0}, dsn = {0};

	for (size_t i = 0; i < line.len; i++) {
		struct explain_span here = {line.at + i, line.len - i};
		bool inside = i > 0 && (is_word(line.at[i - 1]) || line.at[i - 1] == '.' || line.at[i - 1] == '[');

		if (inside || !isdigit((unsigned char)line.at[i]))
			continue;
		if (read_reply(here, &reply) && reply.basic != 0 && reply.class_ != 0) {
			*out = reply;
			return true;
		}
		if (!take_enhanced(&here, &reply))
			continue;
		if (i >= 4 && memcmp(line.at + i - 4, "dsn=", 4) == 0)
			dsn = reply;
		else if (enhanced.class_ == 0)
			enhanced = reply;
	}
	*out = enhanced.class_ != 0 ? enhanced : dsn;
	out->basic = 0;
	out->softened = enhanced.class_ == 0 && dsn.class_ != 0;
	return out->class_ != 0;
}

static void find_reply(struct explain_span line, struct explain_reply *out)
{
	if (!quoted_reply(line, out) && !read_reply(line, out) && !loose_reply(line, out))
		memset(out, 0, sizeof *out);
}

/* --- words --- */

/* The first word of the line that the table of OAuth errors has. */
static struct explain_span find_oauth(struct explain_span line, struct explain_cause *out)
{
	size_t i = 0, len;

	while (i < line.len) {
		for (len = 0; i + len < line.len && is_word(line.at[i + len]); len++)
			;
		if (len > 0 && explain_oauth(line.at + i, len, out))
			return (struct explain_span){line.at + i, len};
		i += len > 0 ? len : 1;
	}
	return (struct explain_span){NULL, 0};
}

/* What stands behind `key`, up to one of the bytes of `ends`. */
static struct explain_span value_of(struct explain_span line, const char *key, const char *ends)
{
	const char *at = explain_search(line, key);
	struct explain_span value = {NULL, 0}, rest;

	if (!at || (at > line.at && is_word(at[-1]) && is_word(key[0])))
		return value;
	rest = rest_of(line, at + strlen(key));
	while (value.len < rest.len && !strchr(ends, rest.at[value.len]) && rest.at[value.len] != '\0')
		value.len++;
	value.at = rest.at;
	return value;
}

/* --- the parts of a log line --- */

/* "Nov 24 10:00:00" or "2026-11-24T10:00:00.123456+00:00" at the line's beginning. */
static struct explain_span find_time(struct explain_span line)
{
	struct explain_span time = {line.at, 0};

	if (line.len >= 15 && isalpha((unsigned char)line.at[0]) && line.at[3] == ' ' && line.at[9] == ':' &&
	    line.at[12] == ':')
		time.len = 15;
	else if (line.len >= 19 && isdigit((unsigned char)line.at[0]) && line.at[4] == '-' && line.at[10] == 'T')
		while (time.len < line.len && time.len < 40 && line.at[time.len] != ' ')
			time.len++;
	return time;
}

/* "3BD5F20A8C" or "4Zh3gK2VvKz1X" behind "]: ", as Postfix and Sendmail name a message. */
static struct explain_span find_queue_id(struct explain_span line)
{
	const char *at = explain_search(line, "]: ");
	struct explain_span rest, id = {NULL, 0};

	if (!at)
		return id;
	rest = rest_of(line, at + 3);
	while (id.len < rest.len && isalnum((unsigned char)rest.at[id.len]))
		id.len++;
	if (id.len < 6 || id.len > 20 || id.len >= rest.len || rest.at[id.len] != ':')
		id.len = 0;
	id.at = rest.at;
	return id;
}

/* Whom the line is about: our own key, the address in SendAsDenied's words, or nobody. */
static struct explain_span find_account(struct explain_span line)
{
	struct explain_span account = value_of(line, "account=", " \t\r\n");
	struct explain_span denied = value_of(line, "SendAsDenied; ", " \t\r\n;");

	if (account.len > 1 && account.at[0] == '"')
		return (struct explain_span){NULL, 0};
	if (account.len == 0 && denied.len > 0 && memchr(denied.at, '@', denied.len))
		return denied;
	return account;
}

static bool tells_of_trouble(struct explain_span line, const struct explain_found *found)
{
	static const char *const marks[] = {"status=deferred",
					    "status=bounced",
					    "stat=Deferred",
					    "stat=Service unavailable",
					    "stat=User unknown",
					    "SASL authentication",
					    "warning:",
					    "error:",
					    "fatal:",
					    "panic:",
					    "cause=\""};

	if (found->known)
		return true;
	if (found->aadsts != 0 || found->reply.class_ >= 4 || found->reply.basic >= 400)
		return true;
	for (size_t i = 0; i < sizeof marks / sizeof marks[0]; i++)
		if (explain_search(line, marks[i]))
			return true;
	return false;
}

/* --- the cause --- */

/* What a relay's own server says to its clients is none of the provider's. */
static bool is_of_server(struct explain_span line)
{
	return explain_search(line, "/smtpd[") != NULL;
}

static bool find_cause(struct explain_span line, struct explain_found *out)
{
	const struct explain_reply_row *row;
	struct explain_cause by_word;

	if (out->aadsts != 0 && explain_aadsts(out->aadsts, &out->cause))
		return true;
	out->oauth = find_oauth(line, &by_word);
	if (out->reply.class_ != 2 && out->reply.basic / 100 != 2 && (row = explain_reply_find(&out->reply, line))) {
		explain_row_cause(row, &out->cause);
		return true;
	}
	if (out->oauth.len > 0) {
		out->cause = by_word;
		return true;
	}
	return out->event.len > 0 && explain_word(explain_event_rows, explain_event_count, out->event, &out->cause);
}

static struct explain_span trim(struct explain_span text)
{
	while (text.len > 0 && isspace((unsigned char)text.at[0])) {
		text.at++;
		text.len--;
	}
	while (text.len > 0 && isspace((unsigned char)text.at[text.len - 1]))
		text.len--;
	return text;
}

void explain_text(const char *text, size_t len, struct explain_found *out)
{
	struct explain_span line = trim((struct explain_span){text, len});

	memset(out, 0, sizeof *out);
	out->time = find_time(line);
	out->queue_id = find_queue_id(line);
	out->account = find_account(line);
	out->event = value_of(line, "event=", " \t\r\n");
	out->sender = value_of(line, " from=<", ">");
	out->relay = value_of(line, " relay=", " ,[");
	out->aadsts = bare_aadsts(line);
	if (out->aadsts == 0)
		out->aadsts = find_aadsts(line);
	find_reply(line, &out->reply);
	if (is_of_server(line))
		return;
	out->known = find_cause(line, out);
	out->trouble = tells_of_trouble(line, out);
}
