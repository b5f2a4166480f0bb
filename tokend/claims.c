/* Reads the user's names out of a JWT: see the header for what that is worth. Called by the broker. */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "daemon/jsondoc.h"
#include "daemon/jwt_payload.h"
#include "tokend/claims.h"

/* Entra's and OpenID Connect's, the one that says most about the mailbox first. */
static const char *const names[] = {"upn", "preferred_username", "email", "unique_name"};

/* Personal accounts' unique_name is "live.com#user@outlook.com". */
static const char *name_at(const json_t *claims, const char *key)
{
	const char *name = jsondoc_string(claims, key);
	const char *hash = name != NULL ? strchr(name, '#') : NULL;

	if (hash != NULL)
		name = hash + 1;
	return name != NULL && strchr(name, '@') != NULL && strlen(name) < CLAIMS_USER_MAX ? name : NULL;
}

static enum claims_user compare(const json_t *claims, const char *account, char *user)
{
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		const char *name = name_at(claims, names[i]);

		if (name == NULL)
			continue;
		if (strcasecmp(name, account) == 0) {
			snprintf(user, CLAIMS_USER_MAX, "%s", name);
			return CLAIMS_SAME;
		}
		if (user[0] == '\0')
			snprintf(user, CLAIMS_USER_MAX, "%s", name);
	}
	return user[0] != '\0' ? CLAIMS_OTHER : CLAIMS_NOBODY;
}

enum claims_user claims_compare(const struct secret *jwt, const char *account, char user[CLAIMS_USER_MAX])
{
	enum claims_user result = CLAIMS_NOBODY;
	json_t *claims = jwt != NULL ? jwt_payload(jwt) : NULL;

	user[0] = '\0';
	if (claims != NULL)
		result = compare(claims, account, user);
	json_decref(claims);
	return result;
}
