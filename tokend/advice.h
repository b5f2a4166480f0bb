#ifndef MAILBEARER_TOKEND_ADVICE_H
#define MAILBEARER_TOKEND_ADVICE_H

/* What the operator can do about a failed sign-in: by the number of an AADSTS code (0: there is none), else by `error`
 * of RFC 6749 and RFC 8628. "" where nothing is known. Pure. */
const char *advice_for_signin(const char *error, int aadsts);

#endif
