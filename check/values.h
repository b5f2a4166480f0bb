#ifndef MAILBEARER_CHECK_VALUES_H
#define MAILBEARER_CHECK_VALUES_H

#include <stdbool.h>

/*
 * Values of Postfix's parameters, judged: each function answers what is wrong with one, in a few words, or NULL if it
 * will do. A NULL value is one that this Postfix does not have. Pure.
 */

/* smtp_sasl_auth_enable, smtp_sasl_auth_soft_bounce */
const char *values_login_is_on(const char *value);
const char *values_soft_bounce(const char *value);

/* smtp_sasl_mechanism_filter: XOAUTH2 passes it, and nothing by which a password would be sent. */
const char *values_mechanism(const char *value);

/* smtp_sasl_..._security_options: a bearer token is as plain as a password to whoever sees it. */
const char *values_security(const char *value);

/* smtp_tls_security_level, and the level in smtp_tls_policy_maps: one that verifies whom it speaks to. */
const char *values_tls_level(const char *value);

/* smtp_sasl_auth_cache_name */
const char *values_auth_cache(const char *value);

/* ..._destination_concurrency_limit, and master.cf's maxproc. */
const char *values_concurrency(const char *value);

/* Does this version let a milter change the wrong header when smtpd(8) has put one before it? major.minor.patch */
bool values_wrong_header(int major, int minor, int patch);

/* Is the word in the list of blanks and commas, in any case? */
bool values_has_word(const char *list, const char *word);

#endif
