#ifndef MAILBEARER_CLI_READ_SECRET_H
#define MAILBEARER_CLI_READ_SECRET_H

#include "lib/buf.h"
#include "lib/err.h"
#include "lib/secret.h"

#define READ_SECRET_SPACE (SECRET_MAX + 256) /* bytes: a secret and the blanks around it */

/*
 * Reads one refresh token (RFC 6749, appendix A.17, but without blanks inside) into `out`, which is empty and takes
 * READ_SECRET_SPACE bytes. path: a file or a pipe; "-" is standard input, and if that is a terminal, it is asked for
 * there without being shown. Warns on standard error of a file that others may read. Blocks until there is an end.
 * 0, or -1 with *err set, which never quotes what was read.
 */
int read_secret(const char *path, struct buf *out, struct err *err);

#endif
