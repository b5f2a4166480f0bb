#ifndef MAILBEARER_TOKEND_CLAIMS_H
#define MAILBEARER_TOKEND_CLAIMS_H

#include "lib/secret.h"

/*
 * Whose token is it? What a JWT says of the user, without proof: for advice to the operator and nothing else. Access
 * tokens are their server's own business, and one that cannot be read says nothing. Pure.
 */

#define CLAIMS_USER_MAX 256 /* bytes with the NUL */

enum claims_user {
	CLAIMS_NOBODY, /* it does not say, or it is no JWT */
	CLAIMS_SAME,   /* one of its names is the account's */
	CLAIMS_OTHER   /* it has names, and none is the account's */
};

/* jwt may be NULL. `user` gets the account's name as the token has it, else the first name; "" for CLAIMS_NOBODY. */
enum claims_user claims_compare(const struct secret *jwt, const char *account, char user[CLAIMS_USER_MAX]);

#endif
