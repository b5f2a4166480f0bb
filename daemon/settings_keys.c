/*
 * The table of all keys of mailbearer.conf(5), and the search in it, also for what a user may have meant. Pure. For
 * the other settings files, and through settings_key_at for the test that compares it with the manual.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/settings_private.h"

static const struct {
	const char *name;
	bool title;
} sections[SECTIONS] = {
    [SECTION_CLIENT] = {"client", true},       [SECTION_ACCOUNT] = {"account", true},
    [SECTION_CONNECTOR] = {"connector", true}, [SECTION_TOKEND] = {"tokend", false},
    [SECTION_MILTER] = {"milter", false},      [SECTION_RULE] = {"rule", true},
    [SECTION_SUBMIT] = {"submit", false},
};

#define AT(section_, field) offsetof(struct settings_##section_, field)

static const struct settings_key keys[] = {
    {SECTION_CLIENT, "provider", KIND_LOOKUP, false, 0, value_word},
    {SECTION_CLIENT, "cloud", KIND_LOOKUP, false, 0, value_word},
    {SECTION_CLIENT, "tenant", KIND_STRING, false, AT(client, tenant), value_tenant},
    {SECTION_CLIENT, "metadata_url", KIND_STRING, false, AT(client, metadata_url), value_url},
    {SECTION_CLIENT, "authorization_endpoint", KIND_STRING, false, AT(client, authorization_endpoint), value_url},
    {SECTION_CLIENT, "token_endpoint", KIND_STRING, false, AT(client, token_endpoint), value_url},
    {SECTION_CLIENT, "device_authorization_endpoint", KIND_STRING, false, AT(client, device_authorization_endpoint),
     value_url},
    {SECTION_CLIENT, "client_id", KIND_STRING, false, AT(client, client_id), value_word},
    {SECTION_CLIENT, "client_secret", KIND_REFUSED, false, 0, NULL},
    {SECTION_CLIENT, "client_secret_file", KIND_STRING, false, AT(client, client_secret_file), value_secret_path},
    {SECTION_CLIENT, "client_secret_expires", KIND_DATE, false, AT(client, client_secret_expires), value_date},
    {SECTION_CLIENT, "client_certificate", KIND_STRING, false, AT(client, client_certificate), value_certificate},
    {SECTION_CLIENT, "client_key", KIND_STRING, false, AT(client, client_key), value_key},
    {SECTION_CLIENT, "client_key_passphrase_file", KIND_STRING, false, AT(client, client_key_passphrase_file),
     value_secret_path},
    {SECTION_CLIENT, "assertion_algorithm", KIND_STRING, false, AT(client, assertion_algorithm), value_algorithm},
    {SECTION_CLIENT, "federated_token_file", KIND_STRING, false, AT(client, federated_token_file), value_secret_path},
    {SECTION_CLIENT, "managed_identity", KIND_STRING, false, AT(client, managed_identity), value_identity},
    {SECTION_CLIENT, "service_account_file", KIND_STRING, false, AT(client, service_account_file), value_secret_path},
    {SECTION_CLIENT, "scope", KIND_STRING, false, AT(client, scope), NULL},
    {SECTION_CLIENT, "redirect_uri", KIND_STRING, false, AT(client, redirect_uri), value_redirect},
    {SECTION_CLIENT, "ca_file", KIND_STRING, false, AT(client, ca_file), value_path},
    {SECTION_CLIENT, "proxy", KIND_STRING, false, AT(client, proxy), value_proxy},
    {SECTION_CLIENT, "relayhost", KIND_STRING, false, AT(client, relayhost), value_relayhost},
    {SECTION_CLIENT, "timeout", KIND_NUMBER, false, AT(client, timeout), value_timeout},

    {SECTION_ACCOUNT, "client", KIND_LOOKUP, false, 0, NULL},
    {SECTION_ACCOUNT, "grant", KIND_LOOKUP, false, 0, value_grant},
    {SECTION_ACCOUNT, "send_as", KIND_LIST, true, AT(account, send_as), value_sender},
    {SECTION_ACCOUNT, "min_validity", KIND_NUMBER, false, AT(account, min_validity), value_min_validity},
    {SECTION_ACCOUNT, "transport", KIND_STRING, false, AT(account, transport), value_transport},

    {SECTION_CONNECTOR, "relayhost", KIND_STRING, false, AT(connector, relayhost), value_relayhost},
    {SECTION_CONNECTOR, "senders", KIND_LIST, true, AT(connector, senders), value_sender},

    {SECTION_TOKEND, "listen", KIND_LIST, false, AT(tokend, listen), value_socket},
    {SECTION_TOKEND, "state_directory", KIND_STRING, false, AT(tokend, state_directory), value_path},
    {SECTION_TOKEND, "seal_key_file", KIND_STRING, false, AT(tokend, seal_key_file), value_secret_path},
    {SECTION_TOKEND, "token_users", KIND_LIST, false, AT(tokend, token_users), value_user},
    {SECTION_TOKEND, "user", KIND_STRING, false, AT(tokend, user), value_user},
    {SECTION_TOKEND, "log", KIND_STRING, false, AT(tokend, log), value_log},
    {SECTION_TOKEND, "seccomp", KIND_STRING, false, AT(tokend, seccomp), value_on_off},

    {SECTION_MILTER, "listen", KIND_STRING, false, AT(milter, listen), value_milter_socket},
    {SECTION_MILTER, "mode", KIND_STRING, false, AT(milter, mode), value_mode},
    {SECTION_MILTER, "default_account", KIND_STRING, true, AT(milter, default_account), value_address},
    {SECTION_MILTER, "user", KIND_STRING, false, AT(milter, user), value_user},
    {SECTION_MILTER, "log", KIND_STRING, false, AT(milter, log), value_log},
    {SECTION_MILTER, "max_message_size", KIND_NUMBER, false, AT(milter, max_message_size), value_limit},
    {SECTION_MILTER, "max_recipients", KIND_NUMBER, false, AT(milter, max_recipients), value_limit},
    {SECTION_MILTER, "max_recipients_per_day", KIND_NUMBER, false, AT(milter, max_recipients_per_day), value_limit},
    {SECTION_MILTER, "max_messages_per_minute", KIND_NUMBER, false, AT(milter, max_messages_per_minute), value_limit},
    {SECTION_MILTER, "when_unusable", KIND_STRING, false, AT(milter, when_unusable), value_unusable},
    {SECTION_MILTER, "unusable_grace", KIND_NUMBER, false, AT(milter, unusable_grace), value_seconds},
    {SECTION_MILTER, "other_mailers", KIND_LIST, true, AT(milter, mailers), value_word},
    {SECTION_MILTER, "other_hosts", KIND_LIST, true, AT(milter, hosts), value_word},

    {SECTION_RULE, "clients", KIND_LIST, true, AT(rule, clients), value_network},
    {SECTION_RULE, "logins", KIND_LIST, true, AT(rule, logins), value_word},
    {SECTION_RULE, "listeners", KIND_LIST, true, AT(rule, listeners), value_word},
    {SECTION_RULE, "senders", KIND_LIST, true, AT(rule, senders), value_rule_sender},
    {SECTION_RULE, "mode", KIND_STRING, false, AT(rule, mode), value_mode},
    {SECTION_RULE, "account", KIND_LOOKUP, true, 0, value_sender},
    {SECTION_RULE, "address", KIND_STRING, true, AT(rule, address), value_address},

    {SECTION_SUBMIT, "bare_newlines", KIND_LOOKUP, false, 0, value_bare_newlines},
    {SECTION_SUBMIT, "connections", KIND_NUMBER, false, AT(submit, connections), value_connections},
    {SECTION_SUBMIT, "helo_name", KIND_STRING, false, AT(submit, helo_name), value_helo_name},
    {SECTION_SUBMIT, "lock_directory", KIND_STRING, false, AT(submit, lock_directory), value_path},
    {SECTION_SUBMIT, "log", KIND_STRING, false, AT(submit, log), value_log},
};

const struct settings_key *settings_key_row(unsigned i)
{
	return i < sizeof(keys) / sizeof(keys[0]) ? &keys[i] : NULL;
}

const char *settings_section_name(enum settings_section section)
{
	return sections[section].name;
}

bool settings_section_has_title(enum settings_section section)
{
	return sections[section].title;
}

enum settings_section settings_section_find(const char *name)
{
	int i;

	for (i = 0; i < SECTIONS; i++)
		if (strcmp(sections[i].name, name) == 0)
			break;
	return (enum settings_section)i;
}

const struct settings_key *settings_key_find(enum settings_section section, const char *name)
{
	const struct settings_key *key;
	unsigned i;

	for (i = 0; (key = settings_key_row(i)) != NULL; i++)
		if (key->section == section && strcmp(key->name, name) == 0)
			break;
	return key;
}

const char *settings_value_is(const char *section, const char *key, const char *value)
{
	return settings_value_problem(settings_key_find(settings_section_find(section), key), value);
}

const char *settings_title_is(const char *section, const char *title)
{
	return settings_title_problem(settings_section_find(section), title);
}

const char *settings_key_at(unsigned i)
{
	static char name[64];
	const struct settings_key *key;
	unsigned row;

	for (row = 0; (key = settings_key_row(row)) != NULL; row++) {
		if (key->kind == KIND_REFUSED || i-- > 0)
			continue;
		snprintf(name, sizeof(name), "%s.%s", settings_section_name(key->section), key->name);
		return name;
	}
	return NULL;
}

#define GUESS_MAX 40 /* bytes; nothing longer resembles a key */

/* Levenshtein's distance, row by row. */
static unsigned distance(const char *a, const char *b)
{
	unsigned row[GUESS_MAX + 1], diagonal, above, best;
	size_t a_len = strlen(a), b_len = strlen(b), i, j;

	for (j = 0; j <= b_len; j++)
		row[j] = (unsigned)j;
	for (i = 1; i <= a_len; i++) {
		diagonal = row[0];
		row[0] = (unsigned)i;
		for (j = 1; j <= b_len; j++) {
			above = row[j];
			best = diagonal + (a[i - 1] != b[j - 1]);
			if (above + 1 < best)
				best = above + 1;
			if (row[j - 1] + 1 < best)
				best = row[j - 1] + 1;
			diagonal = above;
			row[j] = best;
		}
	}
	return row[b_len];
}

/* The nearest of the candidates that is near enough to have been meant. */
static void consider(const char *candidate, const char *name, const char **best, unsigned *best_distance)
{
	unsigned d = distance(name, candidate);

	if (d < *best_distance && d <= 1 + strlen(candidate) / 3) {
		*best = candidate;
		*best_distance = d;
	}
}

static const char *nearest(enum settings_section section, const char *name)
{
	const struct settings_key *key;
	const char *best = NULL;
	unsigned best_distance = GUESS_MAX;
	unsigned i;

	if (section == SECTIONS) {
		for (i = 0; i < SECTIONS; i++)
			consider(sections[i].name, name, &best, &best_distance);
		return best;
	}
	for (i = 0; (key = settings_key_row(i)) != NULL; i++)
		if (key->section == section && key->kind != KIND_REFUSED)
			consider(key->name, name, &best, &best_distance);
	return best;
}

/* A key of this name in another section. */
static const struct settings_key *elsewhere(const char *name)
{
	const struct settings_key *key;
	unsigned i;

	for (i = 0; (key = settings_key_row(i)) != NULL; i++)
		if (strcmp(key->name, name) == 0)
			break;
	return key;
}

void settings_suggest(enum settings_section section, const char *name, char *hint, size_t size)
{
	const struct settings_key *other = elsewhere(name);
	const char *best;

	hint[0] = '\0';
	if (strlen(name) > GUESS_MAX)
		return;
	if (section != SECTIONS && settings_section_find(name) != SECTIONS)
		snprintf(hint, size, "; is a '}' missing above?");
	else if (other)
		snprintf(hint, size, "; %s belongs into a section %s", name, settings_section_name(other->section));
	else if ((best = nearest(section, name)) != NULL)
		snprintf(hint, size, "; did you mean %s?", best);
}
