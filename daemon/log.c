/*
 * Writes the lines of log.h to syslog(3) or standard error. What a value may look like is decided in one place,
 * put_value(), so that nothing from outside can forge a line or a key. Called by the shells of our processes only.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <syslog.h>
#include <unistd.h>

#include "daemon/log.h"

#define CUT_MARK "..."
#define CUT_ROOM 4 /* the closing quote of a cut value, and CUT_MARK */

const char LOG_OMITTED[] = "";

static struct {
	const char *ident;
	enum log_target target;
	bool verbose;
	bool journal;
} state = {.ident = "mailbearer", .target = LOG_TO_STDERR};

struct line {
	char *text;
	size_t len;
	size_t room; /* for text, beyond which CUT_ROOM and the NUL still fit */
	bool cut;
};

/* Appends the piece whole or not at all, so that no escape is ever torn. */
static void put(struct line *line, const char *piece, size_t len)
{
	if (line->cut || len > line->room - line->len) {
		line->cut = true;
		return;
	}
	memcpy(line->text + line->len, piece, len);
	line->len += len;
}

static void put_text(struct line *line, const char *text)
{
	put(line, text, strlen(text));
}

static bool is_plain(unsigned char c)
{
	return c > ' ' && c < 0x7f && c != '"' && c != '\\' && c != '=';
}

static bool needs_quotes(const char *text)
{
	if (*text == '\0')
		return true;
	while (is_plain((unsigned char)*text))
		text++;
	return *text != '\0';
}

static void put_escaped(struct line *line, unsigned char c)
{
	char piece[8];

	if (c == '"' || c == '\\')
		snprintf(piece, sizeof(piece), "\\%c", c);
	else if (c == '\n')
		snprintf(piece, sizeof(piece), "\\n");
	else if (c == '\r')
		snprintf(piece, sizeof(piece), "\\r");
	else if (c == '\t')
		snprintf(piece, sizeof(piece), "\\t");
	else if (c < ' ' || c >= 0x7f)
		snprintf(piece, sizeof(piece), "\\x%02x", c);
	else
		snprintf(piece, sizeof(piece), "%c", c);
	put_text(line, piece);
}

static void put_value(struct line *line, const char *text)
{
	if (!needs_quotes(text)) {
		for (; *text && !line->cut; text++)
			put(line, text, 1);
		return;
	}
	put(line, "\"", 1);
	if (line->cut)
		return;
	for (; *text && !line->cut; text++)
		put_escaped(line, (unsigned char)*text);
	line->text[line->len++] = '"'; /* when cut, from CUT_ROOM */
	if (!line->cut && line->len > line->room)
		line->cut = true;
}

static void put_field(struct line *line, const struct log_field *field)
{
	char number[24];

	if (field->text == LOG_OMITTED)
		return;
	put(line, " ", 1);
	put_text(line, field->key);
	put(line, "=", 1);
	if (line->cut)
		return;
	if (field->text) {
		put_value(line, field->text);
		return;
	}
	snprintf(number, sizeof(number), "%" PRId64, field->number);
	put_text(line, number);
}

int log_format(char *text, int size, enum event event, const char *account, const struct log_field *fields)
{
	struct line line = {.text = text, .room = (size_t)size - 1 - CUT_ROOM};

	if (account) {
		put_text(&line, "account=");
		put_value(&line, account);
		put(&line, " ", 1);
	}
	put_text(&line, "event=");
	put_text(&line, event_name(event));
	for (; fields && fields->key && !line.cut; fields++)
		put_field(&line, fields);
	if (line.cut) {
		memcpy(text + line.len, CUT_MARK, sizeof(CUT_MARK) - 1);
		line.len += sizeof(CUT_MARK) - 1;
	}
	text[line.len] = '\0';
	return (int)line.len;
}

/* Is standard error the journal? $JOURNAL_STREAM may be inherited while the descriptor was redirected elsewhere. */
static bool stderr_is_journal(void)
{
	const char *stream = getenv("JOURNAL_STREAM");
	unsigned long long device, inode;
	struct stat st;

	if (!stream || sscanf(stream, "%llu:%llu", &device, &inode) != 2 || fstat(STDERR_FILENO, &st) != 0)
		return false;
	return st.st_dev == (dev_t)device && st.st_ino == (ino_t)inode;
}

void log_open(const char *ident, enum log_target target, bool verbose)
{
	state.ident = ident;
	state.target = target;
	state.verbose = verbose;
	state.journal = target == LOG_TO_STDERR && stderr_is_journal();
	if (target == LOG_TO_SYSLOG)
		openlog(ident, LOG_PID | LOG_NDELAY, LOG_MAIL);
}

void log_close(void)
{
	if (state.target == LOG_TO_SYSLOG)
		closelog();
	state.target = LOG_TO_STDERR;
	state.verbose = false;
	state.journal = false;
}

/* The journal puts name and PID before each line itself. */
static void write_stderr(int priority, char *line, int len)
{
	char prefix[128];
	struct iovec parts[2];
	ssize_t ignored;
	int n = state.journal ? snprintf(prefix, sizeof(prefix), "<%d>", priority)
			      : snprintf(prefix, sizeof(prefix), "%.64s[%ld]: ", state.ident, (long)getpid());

	line[len] = '\n';
	parts[0] = (struct iovec){prefix, (size_t)n};
	parts[1] = (struct iovec){line, (size_t)len + 1};
	do
		ignored = writev(STDERR_FILENO, parts, 2); /* one call: lines of several processes do not mix */
	while (ignored < 0 && errno == EINTR);
}

void log_fields(enum event event, const char *account, const struct log_field *fields)
{
	int saved = errno;
	char line[LOG_LINE_MAX + 1]; /* its NUL makes room for the newline */
	int len;

	if (event_priority(event) == LOG_DEBUG && !state.verbose)
		return;
	len = log_format(line, LOG_LINE_MAX, event, account, fields);
	if (state.target == LOG_TO_SYSLOG)
		syslog(event_priority(event), "%s", line);
	else
		write_stderr(event_priority(event), line, len);
	errno = saved;
}
