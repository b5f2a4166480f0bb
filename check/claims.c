/*
 * Judges the claims of an access token: for whom, for what, whose, which tenant's, until when. Pure. Called by
 * account.c. Only Microsoft's are known; other providers' tokens are opaque or say less.
 */
#include <stdbool.h>
#include <string.h>
#include <strings.h>

#include "check/claims.h"
#include "daemon/jsondoc.h"

#define EXCHANGE_ID "00000002-0000-0ff1-ce00-000000000000"
#define GUID_LEN 36
#define CLAIM_MAX 200

static bool is_app_only(const struct claims_wish *wish)
{
	return wish->account->grant == SETTINGS_CLIENT_CREDENTIALS || wish->account->grant == SETTINGS_MANAGED_IDENTITY;
}

static const char *text_at(const json_t *claims, const char *key)
{
	const char *text = jsondoc_string(claims, key);

	return text != NULL ? text : "";
}

static bool has_word(const char *words, const char *word)
{
	size_t len = strlen(word);

	for (; *words != '\0'; words += strspn(words, " ")) {
		size_t next = strcspn(words, " ");

		if (next == len && strncasecmp(words, word, len) == 0)
			return true;
		words += next;
	}
	return false;
}

/* Of Exchange Online, in whichever cloud: outlook.office.com, outlook.office365.us, partner.outlook.cn, ... */
static bool is_of_exchange(const char *audience)
{
	return strcmp(audience, EXCHANGE_ID) == 0 || strcasestr(audience, "outlook") != NULL;
}

static bool judge_audience(const json_t *claims, const struct claims_wish *wish, struct finding *finding)
{
	const char *audience = text_at(claims, "aud");

	if (*audience == '\0' || is_of_exchange(audience))
		return true;
	finding_set(finding, FINDING_WARNING, "it is for %.*s, and not for Exchange Online: the login will be refused",
		    CLAIM_MAX, audience);
	finding_advise(finding, "let the client's scope be that of SMTP, without any of Graph's; then get a new token");
	finding_line(finding, "scope = \"%s\"",
		     is_app_only(wish) ? "https://outlook.office365.com/.default"
				       : "https://outlook.office.com/SMTP.Send offline_access");
	return false;
}

static bool role_is_there(const json_t *claims)
{
	const json_t *role;
	size_t i;

	json_array_foreach(json_object_get(claims, "roles"), i, role)
	{
		if (json_is_string(role) && strcasecmp(json_string_value(role), "SMTP.SendAsApp") == 0)
			return true;
	}
	return false;
}

static bool judge_permission(const json_t *claims, const struct claims_wish *wish, struct finding *finding)
{
	const char *scopes = text_at(claims, "scp");

	if (is_app_only(wish)) {
		if (!role_is_there(claims))
			finding_set(finding, FINDING_OK,
				    "no role SMTP.SendAsApp: right only with RBAC for Applications in Exchange");
		return true;
	}
	if (*scopes == '\0' || has_word(scopes, "SMTP.Send"))
		return true;
	finding_set(finding, FINDING_WARNING, "its scopes are \"%.*s\", without SMTP.Send", CLAIM_MAX, scopes);
	finding_advise(finding, "add the permission SMTP.Send to the application, consent, and sign in again");
	finding_line(finding, "%s consent-url %s", wish->program, wish->account->client->name);
	finding_line(finding, "%s login %s", wish->program, wish->account->name);
	return false;
}

static bool judge_user(const json_t *claims, const struct claims_wish *wish, struct finding *finding)
{
	const char *user = text_at(claims, "upn");

	if (is_app_only(wish) || *user == '\0' || strcasecmp(user, wish->mailbox) == 0)
		return true;
	finding_set(finding, FINDING_WARNING, "it is %.*s's: the server may take it for that mailbox only", CLAIM_MAX,
		    user);
	finding_advise(finding, "sign in as %.320s, or name the account %.*s", wish->mailbox, CLAIM_MAX, user);
	finding_line(finding, "%s login %s", wish->program, wish->account->name);
	return false;
}

/* A tenant that is named by its domain cannot be compared. */
static bool judge_tenant(const json_t *claims, const struct claims_wish *wish, struct finding *finding)
{
	const char *tenant = text_at(claims, "tid"), *wished = wish->account->client->tenant;

	if (*tenant == '\0' || wished == NULL || strlen(wished) != GUID_LEN || strchr(wished, '.') != NULL ||
	    strcasecmp(tenant, wished) == 0)
		return true;
	finding_set(finding, FINDING_WARNING, "it is of tenant %.*s, and the client's is %s", CLAIM_MAX, tenant,
		    wished);
	finding_advise(finding, "correct the client's tenant, or sign in as a user of it");
	finding_line(finding, "tenant = \"%.*s\"", CLAIM_MAX, tenant);
	return false;
}

static bool judge_times(const json_t *claims, const struct claims_wish *wish, struct finding *finding)
{
	int64_t begins = 0, ends = 0;

	if (jsondoc_integer(claims, "nbf", &begins) && begins > wish->now + 60)
		finding_set(finding, FINDING_WARNING,
			    "it begins to be good in %lld s only: this machine's clock is slow",
			    (long long)(begins - wish->now));
	else if (jsondoc_integer(claims, "exp", &ends) && ends < wish->now + wish->account->min_validity)
		finding_set(finding, FINDING_WARNING, "it ends in %lld s, sooner than tokend believes",
			    (long long)(ends - wish->now));
	else
		return true;
	finding_advise(finding, "set the clock");
	finding_line(finding, "timedatectl set-ntp true");
	return false;
}

void claims_judge(const json_t *claims, const struct claims_wish *wish, struct finding *finding)
{
	if (claims == NULL) {
		finding_set(finding, FINDING_OK, "opaque: it says nothing of itself, as some do");
		return;
	}
	if (strcmp(wish->account->client->provider->name, "microsoft") != 0) {
		finding_set(finding, FINDING_OK, "not judged: what this provider's tokens say is not known");
		return;
	}
	finding_set(finding, FINDING_OK, "for %.*s, of tenant %.*s", CLAIM_MAX, text_at(claims, "aud"), CLAIM_MAX,
		    text_at(claims, "tid"));
	if (judge_audience(claims, wish, finding) && judge_permission(claims, wish, finding) &&
	    judge_user(claims, wish, finding) && judge_tenant(claims, wish, finding))
		judge_times(claims, wish, finding);
}
