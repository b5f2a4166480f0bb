#ifndef MAILBEARER_CLI_OUTPUT_H
#define MAILBEARER_CLI_OUTPUT_H

#include <stddef.h>
#include <stdint.h>

#include "lib/buf.h"
#include "lib/err.h"

/*
 * What is shown to a person. Texts that came from elsewhere (a provider's error, an account's name) may hold anything:
 * what is not a printable character of the locale that takes up room, such as a control character, an escape
 * sequence or a change of writing direction, appears as \xNN. All but the last four functions are pure; setlocale(3) is
 * main's business. Appending functions leave out->failed to be checked at the end.
 */

#define OUTPUT_MAX (64 * 1024 * 1024) /* bytes of one output */
#define OUTPUT_WIDTH 80               /* columns where nobody says how many there are */
#define OUTPUT_TABLE_COLUMNS 5

/* Appends the text, made safe. */
void output_safe(struct buf *out, const char *text, size_t len);

/* Appends the text, made safe, in lines of at most `width` columns that begin with `indent` blanks; each ends with a
 * newline. */
void output_paragraph(struct buf *out, const char *text, size_t indent, size_t width);

/* Appends "45s", "59m", "3h 20m" or "12d"; less than nothing is "0s". */
void output_duration(struct buf *out, int64_t seconds);

/*
 * A table is made in two passes: all rows are measured, the first column is narrowed until the table fits, then all
 * rows are printed, with what is too wide for its column cut in the middle.
 */
struct output_table {
	size_t widths[OUTPUT_TABLE_COLUMNS]; /* zeroed at first */
};

void output_measure(struct output_table *table, const char *const cells[OUTPUT_TABLE_COLUMNS]);
void output_fit(struct output_table *table, size_t width);
void output_row(struct buf *out, const struct output_table *table, const char *const cells[OUTPUT_TABLE_COLUMNS]);

/* Columns of the terminal on standard output; OUTPUT_WIDTH if it is none. */
size_t output_width(void);

/* Writes all of it to standard output, as it is. 0, or -1 with *err set (also for a buffer that has failed). */
int output_print(const struct buf *out, struct err *err);

/* Writes one line of printable ASCII to standard output, whole or not at all: what programs read. 0 or -1 with *err
 * set. */
int output_line(const struct buf *line, struct err *err);

/* "mailbearer: TEXT" on standard error, made safe. */
void output_complain(const char *text);

#endif
