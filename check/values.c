/* Values of Postfix's parameters, judged. Pure. Called by the steps about main.cf and master.cf. */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "check/values.h"

#define DIVIDERS ", \t\r\n"

bool values_has_word(const char *list, const char *word)
{
	size_t len, length = strlen(word);

	for (list += strspn(list, DIVIDERS); *list != '\0'; list += len, list += strspn(list, DIVIDERS)) {
		len = strcspn(list, DIVIDERS);
		if (len == length && strncasecmp(list, word, len) == 0)
			return true;
	}
	return false;
}

const char *values_login_is_on(const char *value)
{
	return value != NULL && strcasecmp(value, "yes") == 0 ? NULL : "nobody logs in";
}

const char *values_soft_bounce(const char *value)
{
	return value == NULL || strcasecmp(value, "no") != 0 ? NULL : "mail is returned when a login is refused once";
}

/* An empty filter lets all pass; "!plain, static:all" and the like are tables, of which the words say enough. */
const char *values_mechanism(const char *value)
{
	static const char *const passwords[] = {"plain", "login", "cram-md5", "digest-md5", "ntlm"};

	if (value == NULL)
		return NULL;
	if (value[strspn(value, DIVIDERS)] == '\0')
		return "any mechanism passes, also those that would send \"tokend\" as a password";
	for (size_t i = 0; i < sizeof passwords / sizeof passwords[0]; i++)
		if (values_has_word(value, passwords[i]))
			return "a mechanism passes that would send \"tokend\" as a password";
	if (values_has_word(value, "!xoauth2") ||
	    (!values_has_word(value, "xoauth2") && !values_has_word(value, "oauthbearer") &&
	     strchr(value, ':') == NULL))
		return "XOAUTH2 does not pass";
	return NULL;
}

const char *values_security(const char *value)
{
	static const char *const forbidding[] = {"noplaintext", "noactive", "nodictionary", "forward_secrecy",
						 "mutual_auth"};

	for (size_t i = 0; value != NULL && i < sizeof forbidding / sizeof forbidding[0]; i++)
		if (values_has_word(value, forbidding[i]))
			return "XOAUTH2 cannot promise that, and is not used";
	return NULL;
}

const char *values_tls_level(const char *value)
{
	if (value == NULL || value[0] == '\0' || strcasecmp(value, "none") == 0 || strcasecmp(value, "may") == 0)
		return "the token may go out without TLS, and Exchange offers no login then";
	if (values_has_word("secure verify fingerprint dane-only", value))
		return NULL;
	if (strcasecmp(value, "dane") == 0)
		return "without DNSSEC it verifies nobody";
	if (strcasecmp(value, "encrypt") == 0)
		return "it verifies nobody: whoever is in between gets the token";
	return "no level that is known";
}

const char *values_auth_cache(const char *value)
{
	return value == NULL || value[0] == '\0' ? NULL
						 : "one refusal would keep the login from being tried for 90 days";
}

const char *values_concurrency(const char *value)
{
	long number = value != NULL ? strtol(value, NULL, 10) : 0;

	return number >= 1 && number <= 3 ? NULL : "a mailbox takes three at a time";
}

/* Bugfix 20231213 of Postfix: a milter that changes a header changed the wrong one, or none, once PREPEND had been
 * used. */
bool values_wrong_header(int major, int minor, int patch)
{
	static const int repaired[][2] = {{5, 25}, {6, 15}, {7, 11}, {8, 6}};

	if (major != 3)
		return major < 3;
	for (size_t i = 0; i < sizeof repaired / sizeof repaired[0]; i++)
		if (minor == repaired[i][0])
			return patch < repaired[i][1];
	return minor < repaired[0][0];
}
