#ifndef MAILBEARER_SUBMIT_CHANNEL_H
#define MAILBEARER_SUBMIT_CHANNEL_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/buf.h"
#include "lib/err.h"

/* Standard input and output, or any pair of descriptors, with deadlines: the MTA at the other end. */

#define CHANNEL_BLOCK (16 * 1024)         /* bytes that are read at a time */
#define CHANNEL_OUT_MAX (4 * 1024 * 1024) /* bytes of replies that may wait to be written */

struct channel {
	int in, out;
	size_t used; /* bytes of block that came from `in` */
	size_t next; /* of these, the first that nobody has taken yet */
	char block[CHANNEL_BLOCK];
	struct buf replies; /* append to it; channel_flush writes */
};

void channel_init(struct channel *channel, int in, int out);
void channel_free(struct channel *channel);

enum channel_status { CHANNEL_OK, CHANNEL_LONG, CHANNEL_ENDED, CHANNEL_FAILED };

/*
 * The next line, without its line end, in line[0..*len); NUL-terminated. *bare: it ended with a bare LF. CHANNEL_LONG:
 * longer than size - 1, and skipped. CHANNEL_ENDED: the end of the input, also in the middle of a line. CHANNEL_FAILED
 * with *err set (ERR_TIMEOUT: `patience_ms` passed without a byte). Writes what replies wait before it blocks.
 */
enum channel_status channel_line(struct channel *channel, int patience_ms, char *line, size_t size, size_t *len,
				 bool *bare, struct err *err);

/* Bytes that have not been taken yet, waiting for at least one: *bytes and *len; then channel_took says how many were.
 */
enum channel_status channel_bytes(struct channel *channel, int patience_ms, const char **bytes, size_t *len,
				  struct err *err);
void channel_took(struct channel *channel, size_t len);

/* Has something arrived, or does it within that time (the end of the input too)? Writes what replies wait first. */
bool channel_wait(struct channel *channel, int patience_ms);

/* Has a whole line arrived already? */
bool channel_has_line(const struct channel *channel);

/* Writes the replies that wait. 0, or -1 with *err set. */
int channel_flush(struct channel *channel, int patience_ms, struct err *err);

#endif
