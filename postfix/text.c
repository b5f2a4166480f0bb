/*
 * Entries, lines and words of main.cf and master.cf. Pure; knows neither parameters nor services. Called by main_cf.c,
 * master_cf.c and merge_values.c.
 */
#include <string.h>

#include "postfix/text.h"

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n' || c == '\f' || c == '\v';
}

static size_t line_end(const struct buf *text, size_t at)
{
	const char *newline = at < text->len ? memchr(text->data + at, '\n', text->len - at) : NULL;

	return newline != NULL ? (size_t)(newline - text->data) + 1 : text->len;
}

/* A comment or an empty line. */
static bool says_nothing(const struct buf *text, size_t at, size_t end)
{
	while (at < end && is_blank(text->data[at]))
		at++;
	return at == end || text->data[at] == '#';
}

bool text_next(const struct buf *text, size_t *at, struct text_entry *out)
{
	size_t end;

	for (; *at < text->len; *at = end) {
		end = line_end(text, *at);
		if (!says_nothing(text, *at, end))
			break;
	}
	if (*at >= text->len)
		return false;
	out->start = *at;
	out->end = *at = line_end(text, *at);
	for (size_t next = *at; next < text->len; next = end) {
		end = line_end(text, next);
		if (says_nothing(text, next, end))
			continue;
		if (!is_blank(text->data[next]))
			break;
		out->end = *at = end;
	}
	return true;
}

void text_squeeze(const char *text, size_t len, struct buf *out)
{
	size_t first = out->len;
	bool gap = false;

	for (size_t i = 0; i < len; i++) {
		if (is_blank(text[i])) {
			gap = out->len > first;
			continue;
		}
		if (gap)
			buf_append(out, " ", 1);
		gap = false;
		buf_append(out, text + i, 1);
	}
}

static void take_lines(const struct buf *text, const struct text_entry *entry, bool comments, struct buf *out)
{
	size_t end;

	for (size_t at = entry->start; at < entry->end; at = end) {
		end = line_end(text, at);
		if (says_nothing(text, at, end) == comments)
			buf_append(out, text->data + at, end - at);
	}
}

void text_join(const struct buf *text, const struct text_entry *entry, struct buf *out)
{
	struct buf lines = BUF_INIT(TEXT_FILE_MAX);

	take_lines(text, entry, false, &lines);
	text_squeeze(lines.data, lines.len, out);
	out->failed |= lines.failed;
	buf_free(&lines);
}

void text_comments(const struct buf *text, const struct text_entry *entry, struct buf *out)
{
	take_lines(text, entry, true, out);
}

bool text_same(const char *a, const char *b)
{
	for (bool first = true;; first = false) {
		bool gap_a = !first && is_blank(*a), gap_b = !first && is_blank(*b);

		while (is_blank(*a))
			a++;
		while (is_blank(*b))
			b++;
		if (*a != *b || *a == '\0')
			return *a == *b;
		if (gap_a != gap_b)
			return false;
		a++;
		b++;
	}
}

size_t text_word(const char **list, const char *separators)
{
	const char *end;
	int depth = 0;

	*list += strspn(*list, separators);
	for (end = *list; *end != '\0' && (depth > 0 || strchr(separators, *end) == NULL); end++) {
		if (*end == '{')
			depth++;
		else if (*end == '}' && depth > 0)
			depth--;
	}
	return (size_t)(end - *list);
}

bool text_list_without(const char *list, const char *word, struct buf *out)
{
	size_t first = out->len, len;
	bool found = false;

	for (; (len = text_word(&list, TEXT_LIST)) > 0; list += len) {
		if (len == strlen(word) && strncmp(list, word, len) == 0) {
			found = true;
			continue;
		}
		buf_puts(out, out->len > first ? ", " : "");
		buf_append(out, list, len);
	}
	return found;
}

void text_rest(const struct buf *text, size_t from, struct buf *out)
{
	if (from < text->len)
		buf_append(out, text->data + from, text->len - from);
}
