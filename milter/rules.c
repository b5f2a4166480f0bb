/* Which rule of the configuration is meant? Called once for each message, before the policy. Pure. */
#include <string.h>
#include <strings.h>

#include "milter/rules.h"

static bool client_fits(const struct settings_list *clients, const struct rules_session *session)
{
	struct network network;

	for (size_t i = 0; session->has_address && i < clients->count; i++)
		if (network_parse(clients->items[i], &network) && network_contains(&network, session->address))
			return true;
	return clients->count == 0;
}

static bool is_in(const struct settings_list *list, const char *word)
{
	for (size_t i = 0; word != NULL && i < list->count; i++)
		if (strcasecmp(list->items[i], word) == 0)
			return true;
	return false;
}

static bool login_fits(const struct settings_list *logins, const struct rules_session *session)
{
	return logins->count == 0 || is_in(logins, session->login);
}

static bool listener_fits(const struct settings_list *listeners, const struct rules_session *session)
{
	for (size_t i = 0; i < RULES_LISTENER_NAMES; i++)
		if (is_in(listeners, session->listener[i]))
			return true;
	return listeners->count == 0;
}

static bool is_text(struct span span, const char *text)
{
	return span.len == strlen(text) && (span.len == 0 || strncasecmp(span.at, text, span.len) == 0);
}

static bool sender_is(const char *pattern, struct span envelope)
{
	size_t domain = strlen(pattern) - 1;

	if (strcmp(pattern, "<>") == 0)
		return envelope.len == 0;
	if (strncmp(pattern, "*@", 2) != 0)
		return is_text(envelope, pattern);
	return envelope.len > domain &&
	       is_text((struct span){envelope.at + envelope.len - domain, domain}, pattern + 1);
}

static bool sender_fits(const struct settings_list *senders, const struct rules_session *session)
{
	for (size_t i = 0; i < senders->count; i++)
		if (sender_is(senders->items[i], session->envelope))
			return true;
	return senders->count == 0;
}

const struct rules_rule *rules_find(const struct rules_list *rules, const struct rules_session *session)
{
	for (size_t i = 0; i < rules->count; i++) {
		const struct rules_rule *rule = &rules->items[i];

		if (client_fits(&rule->clients, session) && login_fits(&rule->logins, session) &&
		    listener_fits(&rule->listeners, session) && sender_fits(&rule->senders, session))
			return rule;
	}
	return NULL;
}

static const char *const mode_names[] = {"off", "monitor", "rewrite", "reject"};

bool rules_mode_parse(const char *text, enum policy_mode *mode)
{
	for (size_t i = 0; i < sizeof mode_names / sizeof mode_names[0]; i++) {
		if (strcmp(text, mode_names[i]) == 0) {
			*mode = (enum policy_mode)i;
			return true;
		}
	}
	return false;
}

const char *rules_mode_name(enum policy_mode mode)
{
	return mode_names[mode];
}
