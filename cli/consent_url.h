#ifndef MAILBEARER_CLI_CONSENT_URL_H
#define MAILBEARER_CLI_CONSENT_URL_H

#include "daemon/settings.h"
#include "lib/buf.h"
#include "lib/err.h"

/*
 * Appends the address on which an administrator consents for the whole organisation (Microsoft's /v2.0/adminconsent).
 * name: an account or a client; NULL: the only client there is. Pure. 0, or -1 with *err set.
 */
int consent_url(const struct settings *settings, const char *name, struct buf *out, struct err *err);

#endif
