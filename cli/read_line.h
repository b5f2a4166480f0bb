#ifndef MAILBEARER_CLI_READ_LINE_H
#define MAILBEARER_CLI_READ_LINE_H

#include "lib/buf.h"
#include "lib/err.h"

enum read_line { READ_LINE_DONE, READ_LINE_END, READ_LINE_FAILED };

/* Called each `every_ms` while nothing comes. Not 0: reading ends with READ_LINE_FAILED. */
struct read_line_pause {
	int every_ms;
	int (*cb)(void *arg, struct err *err);
	void *arg;
};

/*
 * Reads one line of standard input into `out`, which is made with its maximum, without the line's end and blanks around
 * it. On a terminal it is shown as it comes, and may be longer than the terminal's own editing takes. Returns early
 * with READ_LINE_FAILED after a signal that has a handler: *err is as the handler's owner makes it then. READ_LINE_END:
 * nothing more comes.
 */
enum read_line read_line(struct buf *out, const struct read_line_pause *pause, struct err *err);

#endif
