/* The log of the unit tests: see fake_log.h. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "tests/unit/fake_log.h"

#define LINES_MAX 256

const char LOG_OMITTED[] = "";

static struct {
	enum event event;
	char text[1024];
} lines[LINES_MAX];
static unsigned line_count;

void fake_log_reset(void)
{
	line_count = 0;
}

void log_fields(enum event event, const char *account, const struct log_field *fields)
{
	char *text = lines[line_count % LINES_MAX].text;
	size_t size = sizeof(lines[0].text), len;

	lines[line_count++ % LINES_MAX].event = event;
	len = (size_t)snprintf(text, size, "account=%s", account != NULL ? account : "");
	for (; fields != NULL && fields->key != NULL && len < size; fields++) {
		if (fields->text == LOG_OMITTED)
			continue;
		if (fields->text != NULL)
			len += (size_t)snprintf(text + len, size - len, " %s=%s", fields->key, fields->text);
		else
			len += (size_t)snprintf(text + len, size - len, " %s=%" PRId64, fields->key, fields->number);
	}
}

unsigned fake_log_lines(void)
{
	return line_count;
}

unsigned fake_log_count(enum event event)
{
	unsigned count = 0;

	for (unsigned i = 0; i < line_count && i < LINES_MAX; i++)
		count += lines[i].event == event;
	return count;
}

bool fake_log_says(enum event event, const char *text)
{
	for (unsigned i = 0; i < line_count && i < LINES_MAX; i++)
		if (lines[i].event == event && strstr(lines[i].text, text) != NULL)
			return true;
	return false;
}

bool fake_log_shows(const char *text)
{
	for (unsigned i = 0; i < line_count && i < LINES_MAX; i++)
		if (strstr(lines[i].text, text) != NULL)
			return true;
	return false;
}
