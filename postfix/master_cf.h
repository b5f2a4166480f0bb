#ifndef MAILBEARER_POSTFIX_MASTER_CF_H
#define MAILBEARER_POSTFIX_MASTER_CF_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/buf.h"
#include "lib/err.h"

/*
 * master.cf's text, in which a service is added or brought up to date; order, comments and all other services stay as
 * they are. Pure.
 */

#define MASTER_CF_OPTIONS_MAX 32 /* of ours, in one service */

/* A smtp(8) service of type unix, and the options it must have. All borrowed. */
struct master_cf_service {
	const char *name;
	const char *chroot; /* of a new one: "y", "n" or "-" */
	int maxproc;        /* the most; a service that is there may have fewer */
	struct {
		const char *name, *value;
	} options[MASTER_CF_OPTIONS_MAX];
	size_t option_count;
};

/*
 * Appends the whole text with the service in it. One that is there already keeps its fields, its other options and
 * their order if ours are among them with these values; then the text is the same as before. 0, or -1: ERR_CONFIG with
 * the remedy where the name belongs to a service that is not ours, ERR_LIMIT where the result is too large.
 */
int master_cf_set(const struct buf *text, const struct master_cf_service *service, struct buf *out, struct err *err);

/* Appends the whole text, and if it has no service of that name and type unix, a line for it ("NAME unix ..."). */
void master_cf_add(const struct buf *text, const char *name, const char *line, struct buf *out);

/* Appends the whole text without the service of that name and type unix; comments within it stay. */
void master_cf_drop(const struct buf *text, const char *name, struct buf *out);

/* One argument of a service's command, as it stands: an option with its value, or anything else. */
struct master_cf_argument {
	const char *start;
	size_t len;
	struct buf name, value; /* of an option; to be freed by whoever began */
	bool is_option;
};

/* The next one from *at, which moves behind it; the buffers are made by the caller and used again. False: there is
 * none. */
bool master_cf_next_argument(const char **at, struct master_cf_argument *argument);

#endif
