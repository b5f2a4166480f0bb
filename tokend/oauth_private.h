#ifndef MAILBEARER_TOKEND_OAUTH_PRIVATE_H
#define MAILBEARER_TOKEND_OAUTH_PRIVATE_H

#include <stdbool.h>
#include <stddef.h>

/* Shared by the files of the oauth module. */

/* Does a body that is no JSON look like a page of a proxy or a captive portal? */
bool oauth_looks_like_html(const char *body, size_t len);

#endif
