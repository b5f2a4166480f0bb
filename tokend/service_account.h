#ifndef MAILBEARER_TOKEND_SERVICE_ACCOUNT_H
#define MAILBEARER_TOKEND_SERVICE_ACCOUNT_H

#include <stddef.h>
#include <stdint.h>

#include "lib/err.h"
#include "lib/secret.h"

/*
 * A Google service account: the JSON file that Google gives its owner, and the assertion that it makes for a mailbox
 * ("Using OAuth 2.0 for Server to Server Applications"; RFC 7523 section 2.1). Bytes in and out; time is a parameter.
 */
struct service_account;

/* `text` is the whole file. NULL with *err set, which never quotes it: not such a file, no usable key, a token_uri that
 * is not https. */
struct service_account *service_account_parse(const struct secret *text, struct err *err);
void service_account_free(struct service_account *account); /* NULL is legal */

/* Where its assertions go, which is their audience as well. */
const char *service_account_token_uri(const struct service_account *account);

/* An assertion by which the account speaks for `mailbox`. now: seconds since 1970. NULL with *err set. */
struct secret *service_account_sign(const struct service_account *account, const char *mailbox, const char *scope,
				    const char *audience, int64_t now, struct err *err);

#endif
