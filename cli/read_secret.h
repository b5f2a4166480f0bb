#ifndef MAILBEARER_CLI_READ_SECRET_H
#define MAILBEARER_CLI_READ_SECRET_H

#include <stdbool.h>

#include "lib/buf.h"
#include "lib/err.h"
#include "lib/secret.h"

#define READ_SECRET_SPACE (SECRET_MAX + 256) /* bytes: a secret and the blanks around it */

#define READ_SECRET_WAIT_MS (5 * 60 * 1000) /* for the end of a pipe: somebody may have to unlock a vault first */

/* What is read. */
struct read_secret_kind {
	const char *name;   /* "refresh token" */
	const char *prompt; /* for the terminal, without the colon */
	bool one_word; /* no blank and nothing but ASCII is in it, and it is no JSON; else only no control character */
	bool may_be_empty; /* typed: Enter alone; of a file it may not */
};

/* RFC 6749, appendix A.17, but without blanks inside. */
extern const struct read_secret_kind read_secret_refresh_token;

/*
 * Reads one secret into `out`, which is empty and takes READ_SECRET_SPACE bytes. path: a file or a pipe; "-" is
 * standard input, and if that is a terminal, it is asked for there without being shown. Warns on standard error of a
 * file that others may read. Blocks until there is an end: at a terminal for as long as the person likes, else for
 * READ_SECRET_WAIT_MS. 0, or -1 with *err set, which never quotes what was read.
 */
int read_secret(const struct read_secret_kind *kind, const char *path, struct buf *out, struct err *err);

#endif
