/*
 * Looks the text of a configuration file over before libconfuse parses it. libconfuse would expand ${NAME} from the
 * environment, drop characters that it does not know, take the end of the file for a closing brace and count the line
 * of a comment twice, and takes quadratic time for long blanks; so all of that is refused here, with its line, or taken
 * out, as comments are. Pure. Called by settings_load.c.
 */
#include <stdlib.h>
#include <string.h>

#include "daemon/settings_private.h"

#define DEPTH_MAX 2 /* a section and a list in it */

struct scan {
	const struct settings_report *report;
	const char *text;
	const char *p;
	const char *end;
	char *out; /* what libconfuse is to see grows here, in the same memory, behind p */
	int line;
	int depth;
	int opened[DEPTH_MAX]; /* lines of the braces that are open */
	int *lines;
	size_t line_count, line_room;
};

static int wrong(const struct scan *scan, const char *text)
{
	return settings_wrong(scan->report, scan->line, "%s", text);
}

static int refuse_bytes(const struct settings_report *report, char *text, size_t len)
{
	if (memchr(text, '\0', len))
		return settings_wrong(report, 0, "holds a NUL byte; save the file as plain text in UTF-8");
	if (len >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0)
		memset(text, ' ', 3); /* a mark that Windows editors put first */
	return 0;
}

static bool at(const struct scan *scan, const char *mark)
{
	size_t len = strlen(mark);

	return (size_t)(scan->end - scan->p) >= len && memcmp(scan->p, mark, len) == 0;
}

/* Lines keep their number; blanks in a row become one. */
static void put_blank(struct scan *scan, char c)
{
	if (c == '\n') {
		scan->line++;
		*scan->out++ = '\n';
	} else if (scan->out == scan->text || scan->out[-1] != ' ') {
		*scan->out++ = ' ';
	}
}

static int drop_blank(struct scan *scan)
{
	put_blank(scan, *scan->p++);
	return 0;
}

static int drop_line_comment(struct scan *scan)
{
	while (scan->p < scan->end && *scan->p != '\n')
		scan->p++;
	put_blank(scan, ' ');
	return 0;
}

static int drop_long_comment(struct scan *scan)
{
	int began = scan->line;

	for (scan->p += 2; scan->p < scan->end && !at(scan, "*/"); scan->p++)
		put_blank(scan, *scan->p);
	if (scan->p == scan->end)
		return settings_wrong(scan->report, began, "the comment that begins here has no end; close it with */");
	put_blank(scan, ' ');
	scan->p += 2;
	return 0;
}

static int skip_string(struct scan *scan)
{
	char quote = *scan->p++;
	const char *began = scan->p;

	for (; scan->p < scan->end && *scan->p != quote; scan->p++) {
		if (*scan->p == '\n')
			break;
		if (at(scan, "${"))
			return wrong(scan, "${NAME} is not replaced by anything here; write the value itself");
		if (*scan->p != '\\')
			continue;
		scan->p++;
		if (scan->p == scan->end || (*scan->p != quote && *scan->p != '\\'))
			return wrong(scan, "in quotes, only the quote and another backslash may follow a backslash");
	}
	if (scan->p == scan->end || *scan->p == '\n')
		return wrong(scan, "the string that begins here is not closed in its line");
	if (scan->p - began > SETTINGS_VALUE_MAX)
		return settings_wrong(scan->report, scan->line, "a value of more than %d bytes", SETTINGS_VALUE_MAX);
	scan->p++;
	return 0;
}

static bool is_word(unsigned char c)
{
	return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
	       (c != '\0' && strchr("_-.:/@[]~%?&!<>", c));
}

static int skip_word(struct scan *scan)
{
	const char *began = scan->p;

	while (scan->p < scan->end && is_word((unsigned char)*scan->p))
		scan->p++;
	if (scan->p - began > SETTINGS_VALUE_MAX)
		return settings_wrong(scan->report, scan->line, "a value of more than %d bytes", SETTINGS_VALUE_MAX);
	if (scan->p > began)
		return 0;
	if (at(scan, "${"))
		return wrong(scan, "${NAME} is not replaced by anything here; write the value itself");
	if (*scan->p == ';')
		return wrong(scan, "a ';' that is not needed; a blank or the end of the line ends a setting");
	return wrong(scan, "a character that may only stand in quotes; write KEY = \"value\"");
}

static int note_section(struct scan *scan)
{
	size_t room = scan->line_room ? scan->line_room * 2 : 64;
	int *lines;

	if (scan->line_count + 1 >= scan->line_room) {
		lines = reallocarray(scan->lines, room, sizeof(*lines));
		if (!lines)
			return settings_no_memory(scan->report);
		scan->lines = lines;
		scan->line_room = room;
	}
	scan->lines[scan->line_count++] = scan->line;
	scan->lines[scan->line_count] = 0;
	return 0;
}

static int open_brace(struct scan *scan)
{
	if (scan->depth == DEPTH_MAX)
		return settings_wrong(scan->report, scan->line, "a '{' within a list; is a '}' missing after line %d?",
				      scan->opened[0]);
	if (scan->depth == 0 && note_section(scan) != 0)
		return -1;
	scan->opened[scan->depth++] = scan->line;
	scan->p++;
	return 0;
}

static int close_brace(struct scan *scan)
{
	if (scan->depth == 0)
		return wrong(scan, "a '}' too many");
	scan->depth--;
	scan->p++;
	return 0;
}

/* A mark, a string or a word. */
static int skip_token(struct scan *scan)
{
	switch (*scan->p) {
	case '=':
	case ',':
		scan->p++;
		return 0;
	case '"':
	case '\'':
		return skip_string(scan);
	case '{':
		return open_brace(scan);
	case '}':
		return close_brace(scan);
	}
	if (!at(scan, "+="))
		return skip_word(scan);
	scan->p += 2;
	return 0;
}

static int step(struct scan *scan)
{
	const char *began = scan->p;

	if (strchr(" \t\r\n", *scan->p)) /* refuse_bytes let no NUL pass */
		return drop_blank(scan);
	if (*scan->p == '#' || at(scan, "//"))
		return drop_line_comment(scan);
	if (at(scan, "/*"))
		return drop_long_comment(scan);
	if (skip_token(scan) != 0)
		return -1;
	memmove(scan->out, began, (size_t)(scan->p - began));
	scan->out += scan->p - began;
	return 0;
}

int settings_text_prepare(const struct settings_report *report, char *text, size_t len, int **lines)
{
	struct scan scan = {.report = report, .text = text, .p = text, .end = text + len, .out = text, .line = 1};
	int result = refuse_bytes(report, text, len);

	while (result == 0 && scan.p < scan.end)
		result = step(&scan);
	if (result == 0 && scan.depth > 0)
		result = settings_wrong(report, scan.opened[0], "what begins here is not closed; is a '}' missing?");
	*scan.out = '\0';
	*lines = scan.lines;
	return result;
}
