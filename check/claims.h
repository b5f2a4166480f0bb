#ifndef MAILBEARER_CHECK_CLAIMS_H
#define MAILBEARER_CHECK_CLAIMS_H

#include <jansson.h>
#include <stdint.h>

#include "check/finding.h"
#include "daemon/settings.h"

/*
 * What an access token says of itself, beside what is wished. Advice only: a token is the mail server's business, it
 * may be opaque, and what it says is not proved. So nothing here is ever more than a warning. Pure.
 */
struct claims_wish {
	const char *mailbox;
	const struct settings_account *account;
	const char *program; /* how this program is called, with its options */
	int64_t now;         /* seconds since 1970 */
};

/* claims: NULL for a token that cannot be read, which is fine. */
void claims_judge(const json_t *claims, const struct claims_wish *wish, struct finding *finding);

#endif
