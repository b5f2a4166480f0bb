#ifndef MAILBEARER_POSTFIX_MILTERS_H
#define MAILBEARER_POSTFIX_MILTERS_H

#include <stdbool.h>

#include "lib/buf.h"

/*
 * Lists of milters, as smtpd_milters has them: "inet:localhost:8891, { unix:run/m/milter.sock, default_action=tempfail
 * }". A milter is named by its socket ("unix:run/m/milter.sock"). Pure.
 */

/* Is it in the list, in braces or without? */
bool milters_has(const char *list, const char *socket);

/* Does the list hold any but this one? */
bool milters_has_others(const char *list, const char *socket);

/* Does a milter stand before it that, by its name or port, signs messages (DKIM, ARC)? What it has signed, ours would
 * change. */
bool milters_follows_signer(const char *list, const char *socket);

/* Appends the list with `milter` ("{ SOCKET, option=value }", or its socket alone) first, and taken away where it
 * stood. */
void milters_put_first(const char *list, const char *socket, const char *milter, struct buf *out);

/* Appends the list with `milter` in the place of the one that has its socket. */
void milters_replace(const char *list, const char *socket, const char *milter, struct buf *out);

/* Appends the socket of one milter of a list. */
void milters_socket(const char *milter, struct buf *out);

/* Is the one with this socket in the list in braces, with options of its own? */
bool milters_has_options(const char *list, const char *socket);

#endif
