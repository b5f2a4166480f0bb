/*
 * Replies of SMTP and LMTP. Pure. The judgement in here decides between a mail that waits and a mail that bounces; what
 * Exchange's and Gmail's replies mean is from their documentation and from the field. Called by hop.c, session.c and,
 * for what is said before the login, relay.c.
 */
#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "smtp/reply.h"

void reply_set(struct reply *reply, int code, const char *enhanced, const char *fmt, ...)
{
	va_list args;

	memset(reply, 0, sizeof *reply);
	reply->code = code;
	snprintf(reply->enhanced, sizeof reply->enhanced, "%s", enhanced);
	va_start(args, fmt);
	vsnprintf(reply->text, sizeof reply->text, fmt, args);
	va_end(args);
}

/* --- reading --- */

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* Bytes of the enhanced code at the start of a text, or 0. */
static size_t enhanced_len(const char *text, size_t len)
{
	size_t at = 2, digits;

	if (len < 5 || strchr("245", text[0]) == NULL || text[0] == '\0' || text[1] != '.')
		return 0;
	for (int part = 0; part < 2; part++) {
		for (digits = 0; at < len && is_digit(text[at]); at++)
			digits++;
		if (digits < 1 || digits > 3)
			return 0;
		if (part == 0 && (at >= len || text[at++] != '.'))
			return 0;
	}
	return at == len || text[at] == ' ' ? at : 0;
}

static void append_text(struct reply *reply, const char *text, size_t len)
{
	size_t used = strlen(reply->text), i;

	for (i = 0; i < len && used + 1 < sizeof reply->text; i++) {
		unsigned char c = (unsigned char)text[i];

		reply->text[used++] = c < ' ' || c == 0x7f ? '?' : (char)c;
	}
	reply->text[used] = '\0';
}

/* What stands behind the code. */
static void take_text(struct reply_reader *reader, const char *text, size_t len)
{
	struct reply *reply = &reader->reply;
	size_t code_len = enhanced_len(text, len);

	if (reader->lines == 0 && code_len > 0)
		memcpy(reply->enhanced, text, code_len);
	if (code_len > 0 && strncmp(reply->enhanced, text, code_len) == 0 && reply->enhanced[code_len] == '\0') {
		text += code_len;
		len -= code_len;
		if (len > 0) {
			text++;
			len--;
		}
	}
	if (reader->lines > 0 && strlen(reply->text) + 1 < sizeof reply->text)
		strcat(reply->text, "\n");
	append_text(reply, text, len);
}

enum reply_status reply_read(struct reply_reader *reader, const char *line, size_t len)
{
	int code;

	if (len < 3 || len > REPLY_LINE_MAX || !is_digit(line[0]) || !is_digit(line[1]) || !is_digit(line[2]))
		return REPLY_BAD;
	code = (line[0] - '0') * 100 + (line[1] - '0') * 10 + line[2] - '0';
	if (code < 200 || code > 599 || (reader->lines > 0 && code != reader->reply.code) ||
	    reader->lines >= REPLY_LINES_MAX || (len > 3 && line[3] != ' ' && line[3] != '-'))
		return REPLY_BAD;
	reader->reply.code = code;
	take_text(reader, line + (len > 3 ? 4 : 3), len - (len > 3 ? 4 : 3));
	reader->lines++;
	return len > 3 && line[3] == '-' ? REPLY_MORE : REPLY_DONE;
}

/* --- judging --- */

/* "5.2.252" in a table means exactly that code; 0 any code of the reply; NULL any text. */
struct pattern {
	int code;
	const char *enhanced;
	const char *text;
};

static bool matches(const struct reply *reply, const struct pattern *pattern)
{
	return (pattern->code == 0 || pattern->code == reply->code) &&
	       (pattern->enhanced == NULL || strcmp(pattern->enhanced, reply->enhanced) == 0) &&
	       (pattern->text == NULL || strcasestr(reply->text, pattern->text) != NULL);
}

static bool matches_any(const struct reply *reply, const struct pattern *patterns)
{
	for (; patterns->code != 0 || patterns->enhanced != NULL || patterns->text != NULL; patterns++) {
		if (matches(reply, patterns))
			return true;
	}
	return false;
}

/* The login has been lost or was not enough (RFC 4954 section 6; Exchange's texts). */
static const struct pattern authentication[] = {
    {530, NULL, NULL},   {534, NULL, NULL},   {535, NULL, NULL},           {538, NULL, NULL},
    {0, "5.7.57", NULL}, {0, "5.7.30", NULL}, {0, "5.7.139", NULL},        {0, "5.7.8", NULL},
    {0, "5.7.9", NULL},  {0, "5.7.11", NULL}, {0, "5.7.12", "transition"}, {0, NULL, NULL},
};

/* Sent as 5xx, and heals: the limit of a day or of an hour, and Exchange's throttling of a sender that made one mistake
 * again and again. 554 5.2.252 SendAsDenied is none of them: that one is for good. */
static const struct pattern heals[] = {
    {550, NULL, "Sender throttled"},
    {0, NULL, "SubmissionQuotaExceeded"},
    {0, "5.2.2", "Submission quota exceeded"},
    {0, "5.1.90", NULL},
    {0, "5.2.121", NULL},
    {0, "5.2.122", NULL},
    {0, "5.7.232", NULL},
    {0, "5.7.233", NULL},
    {550, "5.4.5", "limit exceeded"},
    {550, "5.7.1", "relay limit exceeded"},
    {0, NULL, NULL},
};

static bool fits(enum reply_stage stage, int code)
{
	if (code >= 400)
		return true;
	return stage == REPLY_AT_DATA ? code == 354 : stage != REPLY_AT_LOGIN && code < 300;
}

/* The same text, but the mail waits. */
static void make_temporary(const char *host, const struct reply *in, struct reply *out)
{
	bool later = in->enhanced[0] == '4' || in->enhanced[0] == '5';

	reply_set(out, in->code == 550 ? 450 : 451, later ? in->enhanced : "4.7.0", "%.255s said: %d%s%s %.1600s", host,
		  in->code, in->enhanced[0] != '\0' ? " " : "", in->enhanced, in->text);
	out->enhanced[0] = '4';
}

static void complete_enhanced(struct reply *reply)
{
	char digit = (char)('0' + reply->code / 100);

	if (digit == '3' || reply->enhanced[0] == digit)
		return;
	memcpy(reply->enhanced, "0.0.0", sizeof "0.0.0");
	reply->enhanced[0] = digit;
}

void reply_judge(enum reply_stage stage, const char *host, const struct reply *in, struct reply *out)
{
	bool waits =
	    in->code >= 500 && (stage == REPLY_AT_LOGIN || matches_any(in, authentication) || matches_any(in, heals));

	if (waits || !fits(stage, in->code) || in->code == 421) {
		make_temporary(host, in, out);
		return;
	}
	*out = *in;
	complete_enhanced(out);
}

/* --- writing --- */

void reply_shorten(struct reply *reply)
{
	size_t max = REPLY_SHORT_MAX - sizeof "250  \r\n" - strlen(reply->enhanced);
	char *end;

	for (end = reply->text; (end = strchr(end, '\n')) != NULL;)
		*end = ' ';
	if (strlen(reply->text) <= max)
		return;
	for (end = reply->text + max; end > reply->text && ((unsigned char)*end & 0xc0) == 0x80;)
		end--;
	*end = '\0';
}

int reply_append(struct buf *out, const struct reply *reply)
{
	const char *line = reply->text, *end;

	do {
		end = strchrnul(line, '\n');
		buf_printf(out, "%03d%c%s%s%.*s\r\n", reply->code, *end == '\n' ? '-' : ' ', reply->enhanced,
			   reply->enhanced[0] != '\0' ? " " : "", (int)(end - line), line);
		line = end + 1;
	} while (*end == '\n');
	return out->failed ? -1 : 0;
}
