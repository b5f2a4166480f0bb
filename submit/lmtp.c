/*
 * LMTP's commands and their order. Pure. Everything that goes on to the SMTP server is proved here: no control
 * character, nothing that could end a path or a parameter early. Called by session.c and the fuzz target.
 */
#include <string.h>
#include <strings.h>

#include "submit/lmtp.h"

#define PARAMETER_MAX 500 /* bytes of a value: RFC 3461 allows ORCPT 500 */
#define ENVID_MAX 100

static int refuse(struct reply *refusal, int code, const char *enhanced, const char *text)
{
	reply_set(refusal, code, enhanced, "%s", text);
	return -1;
}

/* --- lines --- */

static bool has_control(const char *line, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if ((unsigned char)line[i] < ' ' || line[i] == 0x7f)
			return true;
	}
	return false;
}

static bool is_blank(char c)
{
	return c == ' ';
}

static bool equals(struct lmtp_text text, const char *word)
{
	return text.len == strlen(word) && strncasecmp(text.at, word, text.len) == 0;
}

static struct lmtp_text skip_blanks(struct lmtp_text text)
{
	while (text.len > 0 && is_blank(*text.at)) {
		text.at++;
		text.len--;
	}
	return text;
}

/* Cuts the text up to the next of `ends` (or all of it) off `rest`. */
static struct lmtp_text cut(struct lmtp_text *rest, const char *ends)
{
	struct lmtp_text word = {rest->at, 0};

	while (word.len < rest->len && strchr(ends, rest->at[word.len]) == NULL)
		word.len++;
	rest->at += word.len;
	rest->len -= word.len;
	return word;
}

static enum lmtp_verb find_verb(struct lmtp_text word)
{
	static const char *const verbs[] = {
	    [LMTP_LHLO] = "LHLO", [LMTP_MAIL] = "MAIL", [LMTP_RCPT] = "RCPT", [LMTP_DATA] = "DATA",
	    [LMTP_RSET] = "RSET", [LMTP_NOOP] = "NOOP", [LMTP_VRFY] = "VRFY", [LMTP_QUIT] = "QUIT",
	};
	int verb = 0;

	while (verb < LMTP_VERBS && !equals(word, verbs[verb]))
		verb++;
	return (enum lmtp_verb)verb;
}

/* --- paths --- */

/* Bytes up to the '>' that ends the path, those in a quoted string aside; len when there is none. */
static size_t path_end(const char *text, size_t len)
{
	bool quoted = false;
	size_t i;

	for (i = 0; i < len && (quoted || text[i] != '>'); i++) {
		if (quoted && text[i] == '\\')
			i++;
		else if (text[i] == '"')
			quoted = !quoted;
		else if (!quoted && (text[i] == '<' || text[i] == ' '))
			return len;
	}
	return i < len ? i : len;
}

/* Takes "FROM:<path>" off the front; what follows must be a blank or nothing. */
static int take_path(struct lmtp_text *rest, const char *keyword, struct lmtp_text *path, struct reply *refusal)
{
	size_t word = strlen(keyword), end;

	if (rest->len <= word || strncasecmp(rest->at, keyword, word) != 0)
		return refuse(refusal, 501, "5.5.4", "Syntax: MAIL FROM:<address> or RCPT TO:<address>");
	rest->at += word;
	rest->len -= word;
	*rest = skip_blanks(*rest);
	end = rest->len > 0 && *rest->at == '<' ? path_end(rest->at + 1, rest->len - 1) : rest->len;
	if (end + 1 >= rest->len || (end + 2 < rest->len && !is_blank(rest->at[end + 2])))
		return refuse(refusal, 501, "5.5.4", "The address must stand in angle brackets");
	*path = (struct lmtp_text){rest->at + 1, end};
	rest->at += end + 2;
	rest->len -= end + 2;
	if (path->len > LMTP_PATH_MAX)
		return refuse(refusal, 501, "5.1.3", "The address is too long");
	return 0;
}

/* --- parameters --- */

static bool parse_size(struct lmtp_text value, struct lmtp_command *out)
{
	out->size = 0;
	if (value.len == 0 || value.len > 18)
		return false;
	for (size_t i = 0; i < value.len; i++) {
		if (value.at[i] < '0' || value.at[i] > '9')
			return false;
		out->size = out->size * 10 + (uint64_t)(value.at[i] - '0');
	}
	return out->has_size = true;
}

/* What xtext and the like consist of. */
static bool is_value(struct lmtp_text value, size_t max)
{
	for (size_t i = 0; i < value.len; i++) {
		if ((unsigned char)value.at[i] <= ' ' || value.at[i] == '=')
			return false;
	}
	return value.len > 0 && value.len <= max;
}

static bool take_mail_parameter(struct lmtp_command *out, struct lmtp_text name, struct lmtp_text value)
{
	if (equals(name, "SIZE"))
		return parse_size(value, out);
	if (equals(name, "BODY")) {
		out->eight_bit = equals(value, "8BITMIME");
		return out->eight_bit || equals(value, "7BIT");
	}
	if (equals(name, "SMTPUTF8"))
		return out->utf8 = value.at == NULL;
	if (equals(name, "RET")) {
		out->ret = value;
		return equals(value, "FULL") || equals(value, "HDRS");
	}
	if (equals(name, "ENVID")) {
		out->envid = value;
		return is_value(value, ENVID_MAX);
	}
	return false;
}

static bool take_rcpt_parameter(struct lmtp_command *out, struct lmtp_text name, struct lmtp_text value)
{
	if (equals(name, "NOTIFY")) {
		out->notify = value;
		return is_value(value, 40);
	}
	if (equals(name, "ORCPT")) {
		out->orcpt = value;
		return is_value(value, PARAMETER_MAX) && memchr(value.at, ';', value.len) != NULL;
	}
	return false;
}

static int take_parameters(struct lmtp_command *out, struct lmtp_text rest, struct reply *refusal)
{
	struct lmtp_text name, value;
	bool known;

	for (rest = skip_blanks(rest); rest.len > 0; rest = skip_blanks(rest)) {
		name = cut(&rest, " =");
		value = (struct lmtp_text){NULL, 0};
		if (rest.len > 0 && *rest.at == '=') {
			rest.at++;
			rest.len--;
			value = cut(&rest, " ");
		}
		known = out->verb == LMTP_MAIL ? take_mail_parameter(out, name, value)
					       : take_rcpt_parameter(out, name, value);
		if (!known)
			return refuse(refusal, 555, "5.5.4", "Parameter not known, or with a value it cannot have");
	}
	return 0;
}

/* --- commands --- */

static int parse_arguments(struct lmtp_command *out, struct lmtp_text rest, struct reply *refusal)
{
	switch (out->verb) {
	case LMTP_MAIL:
		if (take_path(&rest, "FROM:", &out->path, refusal) != 0)
			return -1;
		return take_parameters(out, rest, refusal);
	case LMTP_RCPT:
		if (take_path(&rest, "TO:", &out->path, refusal) != 0)
			return -1;
		if (out->path.len == 0)
			return refuse(refusal, 501, "5.1.3", "The recipient is empty");
		return take_parameters(out, rest, refusal);
	case LMTP_LHLO:
		return rest.len > 0 ? 0 : refuse(refusal, 501, "5.5.4", "Syntax: LHLO name");
	case LMTP_DATA:
	case LMTP_RSET:
	case LMTP_QUIT:
		return rest.len == 0 ? 0 : refuse(refusal, 501, "5.5.4", "This command takes no argument");
	default:
		return 0;
	}
}

int lmtp_parse(const char *line, size_t len, struct lmtp_command *out, struct reply *refusal)
{
	struct lmtp_text rest = {line, len};

	memset(out, 0, sizeof *out);
	if (has_control(line, len))
		return refuse(refusal, 500, "5.5.2", "The command holds a control character or a bare line end");
	out->verb = find_verb(cut(&rest, " "));
	if (out->verb == LMTP_VERBS)
		return refuse(refusal, 500, "5.5.1", "Command not known; this is LMTP");
	return parse_arguments(out, skip_blanks(rest), refusal);
}

bool lmtp_may(enum lmtp_state state, enum lmtp_verb verb, struct reply *refusal)
{
	static const char *const first[] = {
	    [LMTP_GREETED] = "LHLO first", [LMTP_READY] = "MAIL first", [LMTP_IN_MAIL] = "RCPT first"};
	bool may = true;

	if (verb == LMTP_MAIL)
		may = state == LMTP_READY;
	else if (verb == LMTP_RCPT)
		may = state == LMTP_IN_MAIL || state == LMTP_IN_RCPT;
	else if (verb == LMTP_DATA)
		may = state == LMTP_IN_RCPT;
	if (!may)
		reply_set(refusal, 503, "5.5.1", "%s",
			  verb == LMTP_MAIL && state != LMTP_GREETED ? "There is a sender already" : first[state]);
	return may;
}

enum lmtp_state lmtp_next(enum lmtp_state state, enum lmtp_verb verb, bool accepted)
{
	switch (verb) {
	case LMTP_LHLO:
		return LMTP_READY;
	case LMTP_MAIL:
		return accepted ? LMTP_IN_MAIL : state;
	case LMTP_RCPT:
		return accepted ? LMTP_IN_RCPT : state;
	case LMTP_DATA:
		return LMTP_READY;
	case LMTP_RSET:
		return state == LMTP_GREETED ? state : LMTP_READY;
	default:
		return state;
	}
}
