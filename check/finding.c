/* A step's finding, put together. Pure. Called by all steps. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "check/finding.h"

void finding_free(struct finding *finding)
{
	buf_free(&finding->lines);
}

void finding_set(struct finding *finding, enum finding_mark mark, const char *fmt, ...)
{
	va_list args;

	finding->mark = mark;
	finding->advice[0] = '\0';
	finding->known = false;
	finding->leads_back = false;
	finding->needs = NULL;
	buf_clear(&finding->lines);
	va_start(args, fmt);
	vsnprintf(finding->text, sizeof finding->text, fmt, args);
	va_end(args);
}

void finding_advise(struct finding *finding, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vsnprintf(finding->advice, sizeof finding->advice, fmt, args);
	va_end(args);
}

void finding_line(struct finding *finding, const char *fmt, ...)
{
	char line[FINDING_TEXT_MAX];
	va_list args;

	va_start(args, fmt);
	vsnprintf(line, sizeof line, fmt, args);
	va_end(args);
	buf_puts(&finding->lines, line);
	buf_puts(&finding->lines, "\n");
}

/* Is one of the lines, each ended by a newline, the command check? NULL: there are none. */
static bool has_this_check(const char *lines)
{
	for (; lines != NULL && *lines != '\0'; lines = strchr(lines, '\n') + 1)
		if (finding_is_this_check(lines))
			return true;
	return false;
}

bool finding_is_this_check(const char *line)
{
	static const char command[] = "mailbearer check";

	return strncmp(line, command, strlen(command)) == 0 && strchr(" \n", line[strlen(command)]) != NULL;
}

void finding_explain(struct finding *finding, const char *words)
{
	struct explain_found found;

	explain_text(words, strlen(words), &found);
	finding->known = found.known;
	finding->cause = found.cause;
	finding->leads_back = found.known && has_this_check(found.cause.advice->steps);
}

const char *finding_mark_name(enum finding_mark mark)
{
	static const char *const names[] = {
	    [FINDING_OK] = "ok",
	    [FINDING_WARNING] = "warning",
	    [FINDING_FAILED] = "FAILED",
	    [FINDING_SKIPPED] = "skipped",
	};

	return names[mark];
}
