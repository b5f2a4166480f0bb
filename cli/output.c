/*
 * Texts, tables and lines for the person at the terminal. Called by main.c and the commands. Everything that was not
 * written by us goes through next_glyph(), so that a provider's error text cannot drive the terminal.
 */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include <wchar.h>
#include <wctype.h>

#include "cli/output.h"

#define GAP 2        /* blanks between two columns of a table */
#define NARROWEST 12 /* columns that the first one keeps, however narrow the terminal */
#define WIDTH_MIN 40 /* terminals that say less are not believed */
#define WIDTH_MAX 500
#define CUT "..."

/* One character as it is shown. */
struct glyph {
	size_t used; /* bytes of the text that it stands for */
	size_t columns;
	char shown[MB_LEN_MAX + 8];
};

static struct glyph next_glyph(const char *text, size_t len)
{
	struct glyph glyph = {.used = 1};
	mbstate_t state = {0};
	wchar_t wide;
	size_t used = mbrtowc(&wide, text, len, &state); /* greater than len: not a whole character */
	int columns = used > 0 && used <= len && iswprint((wint_t)wide) ? wcwidth(wide) : -1;

	if (columns > 0) {
		glyph.used = used;
		glyph.columns = (size_t)columns;
		memcpy(glyph.shown, text, used);
	} else {
		snprintf(glyph.shown, sizeof glyph.shown, "\\x%02x", (unsigned)(unsigned char)*text);
		glyph.columns = strlen(glyph.shown);
	}
	return glyph;
}

static size_t columns_of(const char *text, size_t len)
{
	size_t columns = 0, at = 0;
	struct glyph glyph;

	for (; at < len; at += glyph.used) {
		glyph = next_glyph(text + at, len - at);
		columns += glyph.columns;
	}
	return columns;
}

void output_safe(struct buf *out, const char *text, size_t len)
{
	struct glyph glyph;
	size_t at;

	for (at = 0; at < len; at += glyph.used) {
		glyph = next_glyph(text + at, len - at);
		buf_puts(out, glyph.shown);
	}
}

/* The characters that lie within the columns from..to of the text. Returns the columns they take. */
static size_t append_columns(struct buf *out, const char *text, size_t from, size_t to)
{
	size_t len = strlen(text), column = 0, taken = 0, at;
	struct glyph glyph;

	for (at = 0; at < len && column < to; at += glyph.used) {
		glyph = next_glyph(text + at, len - at);
		if (column >= from && column + glyph.columns <= to) {
			buf_puts(out, glyph.shown);
			taken += glyph.columns;
		}
		column += glyph.columns;
	}
	return taken;
}

/* The text in at most `width` columns: whole, or both its ends with CUT between them. Returns the columns it took. */
static size_t append_cut(struct buf *out, const char *text, size_t width)
{
	size_t total = columns_of(text, strlen(text)), tail, taken;

	if (total <= width)
		return append_columns(out, text, 0, total);
	tail = (width - strlen(CUT)) / 2;
	taken = append_columns(out, text, 0, width - strlen(CUT) - tail);
	buf_puts(out, CUT);
	return taken + strlen(CUT) + append_columns(out, text, total - tail, total);
}

void output_measure(struct output_table *table, const char *const cells[OUTPUT_TABLE_COLUMNS])
{
	size_t i, columns;

	for (i = 0; i < OUTPUT_TABLE_COLUMNS; i++) {
		columns = columns_of(cells[i], strlen(cells[i]));
		if (columns > table->widths[i])
			table->widths[i] = columns;
	}
}

void output_fit(struct output_table *table, size_t width)
{
	size_t others = 0, room, i;

	for (i = 1; i < OUTPUT_TABLE_COLUMNS; i++)
		others += GAP + table->widths[i];
	room = width > others + NARROWEST ? width - others : NARROWEST;
	if (table->widths[0] > room)
		table->widths[0] = room;
}

void output_row(struct buf *out, const struct output_table *table, const char *const cells[OUTPUT_TABLE_COLUMNS])
{
	size_t i, taken, blanks = 0;

	for (i = 0; i < OUTPUT_TABLE_COLUMNS; i++) {
		buf_printf(out, "%*s", (int)blanks, "");
		taken = append_cut(out, cells[i], table->widths[i]);
		blanks = table->widths[i] - taken + GAP;
	}
	buf_puts(out, "\n");
}

/* The bytes of `text` that fit into `room` columns, at least one character. */
static size_t fitting(const char *text, size_t len, size_t room)
{
	struct glyph glyph;
	size_t at = 0, column = 0;

	while (at < len) {
		glyph = next_glyph(text + at, len - at);
		if (at > 0 && column + glyph.columns > room)
			break;
		column += glyph.columns;
		at += glyph.used;
	}
	return at;
}

/* The bytes of the next line: up to the last blank that fits, or through the middle of a word that is wider than a
 * line. */
static size_t line_length(const char *text, size_t room)
{
	size_t len = strnlen(text, (room + 1) * MB_LEN_MAX), fits = fitting(text, len, room), at = fits;

	if (text[fits] == '\0' || text[fits] == ' ')
		return fits;
	while (at > 0 && text[at - 1] != ' ')
		at--;
	while (at > 0 && text[at - 1] == ' ')
		at--;
	return at > 0 ? at : fits;
}

void output_paragraph(struct buf *out, const char *text, size_t indent, size_t width)
{
	size_t room = width > indent + NARROWEST ? width - indent : NARROWEST, len;

	for (text += strspn(text, " "); *text; text += strspn(text, " ")) {
		len = line_length(text, room);
		buf_printf(out, "%*s", (int)indent, "");
		output_safe(out, text, len);
		buf_puts(out, "\n");
		text += len;
	}
}

void output_duration(struct buf *out, int64_t seconds)
{
	long long s = seconds < 0 ? 0 : seconds;

	if (s < 60)
		buf_printf(out, "%llds", s);
	else if (s < 3600)
		buf_printf(out, "%lldm", s / 60);
	else if (s < 86400)
		buf_printf(out, "%lldh %lldm", s / 3600, s % 3600 / 60);
	else
		buf_printf(out, "%lldd", s / 86400);
}

size_t output_width(void)
{
	struct winsize size;

	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col < WIDTH_MIN || size.ws_col > WIDTH_MAX)
		return OUTPUT_WIDTH;
	return size.ws_col;
}

/* Not by stdio, whose buffers nobody wipes: the bytes may be a token. 0, or errno. */
static int write_all(int fd, const char *bytes, size_t len)
{
	ssize_t n;

	while (len > 0) {
		n = write(fd, bytes, len);
		if (n < 0 && errno != EINTR)
			return errno;
		if (n > 0) {
			bytes += n;
			len -= (size_t)n;
		}
	}
	return 0;
}

int output_print(const struct buf *out, struct err *err)
{
	int error;

	if (out->failed)
		return err_set(err, ERR_MEMORY, "out of memory for the output");
	error = write_all(STDOUT_FILENO, out->data, out->len);
	return error ? err_sys(err, error, "cannot write to standard output") : 0;
}

int output_line(const struct buf *line, struct err *err)
{
	struct buf whole = BUF_INIT(line->len + 1);
	size_t i;
	int result;

	for (i = 0; i < line->len; i++)
		if (line->data[i] < ' ' || line->data[i] > '~')
			return err_set(err, ERR_SYNTAX, "tokend's answer holds what no answer may; not printed");
	buf_append(&whole, line->data, line->len);
	buf_puts(&whole, "\n");
	result = output_print(&whole, err);
	buf_free(&whole);
	return result;
}

void output_complain(const char *text)
{
	struct buf line = BUF_INIT(8 * ERR_TEXT_MAX);

	buf_puts(&line, "mailbearer: ");
	output_safe(&line, text, strlen(text));
	buf_puts(&line, "\n");
	if (line.data)
		(void)!write_all(STDERR_FILENO, line.data, line.len);
	buf_free(&line);
}
