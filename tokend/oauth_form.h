#ifndef MAILBEARER_TOKEND_OAUTH_FORM_H
#define MAILBEARER_TOKEND_OAUTH_FORM_H

#include <stdbool.h>
#include <stddef.h>

#include "tokend/oauth.h"

/* What the files share that compose and read OAuth messages: oauth*.c and signin.c. */

/* Does a body that is no JSON look like a page of a proxy or a captive portal? */
bool oauth_looks_like_html(const char *body, size_t len);

/* Form fields. 0, or -1 with body->failed set. */
int oauth_add_text(struct buf *body, const char *name, const char *value);
int oauth_add_secret(struct buf *body, const char *name, const struct secret *value);

/*
 * The first line of a text from outside as printable ASCII, cut between words. Only whole words, and no long ones: so a
 * secret that the server quotes is either not there or there whole, where secret_redact finds it.
 */
void oauth_copy_first_line(const char *text, size_t len, char *out, size_t size);

#endif
