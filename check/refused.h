#ifndef MAILBEARER_CHECK_REFUSED_H
#define MAILBEARER_CHECK_REFUSED_H

#include <jansson.h>

#include "check/finding.h"
#include "daemon/settings.h"

/*
 * A login that was refused in words which only say so: what is left, after all that check has seen of the token. Pure.
 */
struct refused_login {
	const char *mailbox, *program;
	const struct settings_account *account;
	const json_t *claims; /* of the token; NULL: it is opaque */
	bool claims_fit;      /* nothing was found wrong with them */
};

/* Adds to what was found what is to be done about it. */
void refused_advise(const struct refused_login *login, struct finding *finding);

#endif
