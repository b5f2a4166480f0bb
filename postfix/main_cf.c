/* main.cf's parameters in its text. Pure. Called by merge_values.c. */
#include <string.h>

#include "postfix/main_cf.h"
#include "postfix/text.h"

static bool is_named(const struct buf *text, const struct text_entry *entry, const char *name)
{
	size_t len = strlen(name), at = entry->start + len;

	if (entry->end - entry->start < len || memcmp(text->data + entry->start, name, len) != 0)
		return false;
	while (at < entry->end && (text->data[at] == ' ' || text->data[at] == '\t'))
		at++;
	return at < entry->end && text->data[at] == '=';
}

static bool find(const struct buf *text, const char *name, struct text_entry *out)
{
	struct text_entry entry;
	bool found = false;

	for (size_t at = 0; text_next(text, &at, &entry);) {
		if (!is_named(text, &entry, name))
			continue;
		*out = entry;
		found = true;
	}
	return found;
}

bool main_cf_get(const struct buf *text, const char *name, struct buf *value)
{
	struct buf whole = BUF_INIT(TEXT_FILE_MAX);
	struct text_entry entry;
	const char *equals;

	if (!find(text, name, &entry))
		return false;
	text_join(text, &entry, &whole);
	equals = whole.data != NULL ? strchr(whole.data, '=') : NULL;
	if (equals != NULL)
		text_squeeze(equals + 1, strlen(equals + 1), value);
	value->failed |= whole.failed;
	buf_free(&whole);
	return true;
}

static void put_line(const char *name, const char *value, struct buf *out)
{
	buf_printf(out, *value != '\0' ? "%s = %s\n" : "%s =\n", name, value);
}

void main_cf_set(const struct buf *text, const char *name, const char *value, struct buf *out)
{
	struct text_entry entry = {.start = text->len, .end = text->len};
	bool there = find(text, name, &entry);

	buf_append(out, text->data, entry.start);
	if (!there && text->len > 0 && text->data[text->len - 1] != '\n')
		buf_puts(out, "\n");
	put_line(name, value, out);
	if (there)
		text_comments(text, &entry, out);
	text_rest(text, entry.end, out);
}

void main_cf_drop(const struct buf *text, const char *name, struct buf *out)
{
	struct text_entry entry;
	size_t done = 0;

	for (size_t at = 0; text_next(text, &at, &entry);) {
		if (!is_named(text, &entry, name))
			continue;
		buf_append(out, text->data + done, entry.start - done);
		text_comments(text, &entry, out);
		done = entry.end;
	}
	text_rest(text, done, out);
}
