/*
 * A unified diff of two texts: the longest common subsequence of their lines, between the lines that both begin and end
 * with. Pure but for memory. Called by apply_plan.c, to show a change before it is made.
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "postfix/diff.h"

#define CONTEXT 3

struct line {
	const char *start;
	size_t len; /* with its newline, if it has one */
};

struct lines {
	size_t count;
	struct line *items;
};

/* Which of the lines are no longer there, and which are new. */
struct comparison {
	struct lines before, after;
	bool *removed, *added;
};

static int split(const struct buf *text, struct lines *lines)
{
	size_t most = 1, at = 0;

	for (size_t i = 0; i < text->len; i++)
		most += text->data[i] == '\n';
	lines->items = calloc(most, sizeof *lines->items);
	if (lines->items == NULL)
		return -1;
	while (at < text->len) {
		const char *newline = memchr(text->data + at, '\n', text->len - at);
		size_t end = newline != NULL ? (size_t)(newline - text->data) + 1 : text->len;

		lines->items[lines->count++] = (struct line){text->data + at, end - at};
		at = end;
	}
	return 0;
}

static bool same(const struct line *a, const struct line *b)
{
	return a->len == b->len && memcmp(a->start, b->start, a->len) == 0;
}

/* The part that differs: rows of `before` from `first` and columns of `after`, by the table of how many lines the rests
 * have in common. */
static void walk(struct comparison *c, size_t first, size_t rows, size_t columns, const uint16_t *common)
{
	size_t i = 0, j = 0, width = columns + 1;

	while (i < rows || j < columns) {
		if (i < rows && j < columns && same(&c->before.items[first + i], &c->after.items[first + j])) {
			i++;
			j++;
		} else if (i < rows && (j == columns || common[(i + 1) * width + j] >= common[i * width + j + 1])) {
			c->removed[first + i++] = true;
		} else {
			c->added[first + j++] = true;
		}
	}
}

static int compare_middle(struct comparison *c, size_t first, size_t rows, size_t columns)
{
	uint16_t *common = calloc((rows + 1) * (columns + 1), sizeof *common);
	size_t width = columns + 1;

	if (common == NULL)
		return -1;
	for (size_t i = rows; i-- > 0;)
		for (size_t j = columns; j-- > 0;) {
			uint16_t down = common[(i + 1) * width + j], right = common[i * width + j + 1];

			if (same(&c->before.items[first + i], &c->after.items[first + j]))
				common[i * width + j] = (uint16_t)(common[(i + 1) * width + j + 1] + 1);
			else
				common[i * width + j] = down > right ? down : right;
		}
	walk(c, first, rows, columns, common);
	free(common);
	return 0;
}

static int compare(struct comparison *c)
{
	size_t first = 0, last = 0, least, rows, columns;

	least = c->before.count < c->after.count ? c->before.count : c->after.count;
	while (first < least && same(&c->before.items[first], &c->after.items[first]))
		first++;
	while (last < least - first &&
	       same(&c->before.items[c->before.count - 1 - last], &c->after.items[c->after.count - 1 - last]))
		last++;
	rows = c->before.count - first - last;
	columns = c->after.count - first - last;
	if (rows <= DIFF_LINES_MAX && columns <= DIFF_LINES_MAX)
		return compare_middle(c, first, rows, columns);
	memset(c->removed + first, true, rows);
	memset(c->added + first, true, columns);
	return 0;
}

static void put_line(char sign, const struct line *line, struct buf *out)
{
	buf_append(out, &sign, 1);
	buf_append(out, line->start, line->len);
	if (line->len == 0 || line->start[line->len - 1] != '\n')
		buf_puts(out, "\n\\ No newline at end of file\n");
}

/* Where a piece of the diff begins and ends, in both texts. */
struct hunk {
	size_t before, before_end, after, after_end;
};

static bool differs(const struct comparison *c, size_t i, size_t j)
{
	return (i < c->before.count && c->removed[i]) || (j < c->after.count && c->added[j]);
}

/* Goes over lines that both have, `most` of them at most. How many they were. */
static size_t skip_common(const struct comparison *c, size_t *i, size_t *j, size_t most)
{
	size_t n = 0;

	while (n < most && *i < c->before.count && !differs(c, *i, *j)) {
		(*i)++;
		(*j)++;
		n++;
	}
	return n;
}

static void skip_change(const struct comparison *c, size_t *i, size_t *j)
{
	while (*i < c->before.count && c->removed[*i])
		(*i)++;
	while (*j < c->after.count && c->added[*j])
		(*j)++;
}

/* The next one from these two places, or false. Changes with fewer lines between them than two contexts are one. */
static bool next_hunk(const struct comparison *c, size_t i, size_t j, struct hunk *hunk)
{
	size_t leading = skip_common(c, &i, &j, SIZE_MAX), common;

	if (!differs(c, i, j))
		return false;
	leading = leading < CONTEXT ? leading : CONTEXT;
	hunk->before = i - leading;
	hunk->after = j - leading;
	for (;;) {
		skip_change(c, &i, &j);
		hunk->before_end = i;
		hunk->after_end = j;
		common = skip_common(c, &i, &j, 2 * CONTEXT + 1);
		if (common > 2 * CONTEXT || !differs(c, i, j))
			break;
	}
	common = common < CONTEXT ? common : CONTEXT;
	hunk->before_end += common;
	hunk->after_end += common;
	return true;
}

static void put_range(size_t first, size_t end, struct buf *out)
{
	/* An empty range is named by the line before it. */
	if (end - first == 1)
		buf_printf(out, "%zu", first + 1);
	else
		buf_printf(out, "%zu,%zu", end > first ? first + 1 : first, end - first);
}

static void put_hunk(const struct comparison *c, const struct hunk *hunk, struct buf *out)
{
	size_t i = hunk->before, j = hunk->after;

	buf_puts(out, "@@ -");
	put_range(hunk->before, hunk->before_end, out);
	buf_puts(out, " +");
	put_range(hunk->after, hunk->after_end, out);
	buf_puts(out, " @@\n");
	while (i < hunk->before_end || j < hunk->after_end) {
		if (i < hunk->before_end && c->removed[i]) {
			put_line('-', &c->before.items[i++], out);
		} else if (j < hunk->after_end && c->added[j]) {
			put_line('+', &c->after.items[j++], out);
		} else {
			put_line(' ', &c->before.items[i++], out);
			j++;
		}
	}
}

void diff_unified(const char *name, const struct buf *before, const struct buf *after, struct buf *out)
{
	struct comparison c = {0};
	struct hunk hunk = {0};
	bool any = false;

	if (split(before, &c.before) != 0 || split(after, &c.after) != 0 ||
	    (c.removed = calloc(c.before.count + 1, 1)) == NULL || (c.added = calloc(c.after.count + 1, 1)) == NULL ||
	    compare(&c) != 0)
		out->failed = true;
	while (!out->failed && next_hunk(&c, hunk.before_end, hunk.after_end, &hunk)) {
		if (!any)
			buf_printf(out, "--- %s\n+++ %s\n", name, name);
		any = true;
		put_hunk(&c, &hunk, out);
	}
	free(c.before.items);
	free(c.after.items);
	free(c.removed);
	free(c.added);
}
