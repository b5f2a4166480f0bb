/*
 * Whose is this sender? Asks the sorted addresses of the settings. Pure. Called by
 * tokend, the milter and the CLI.
 */
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/senders.h"

#define ADDRESS_MAX 254 /* bytes; nothing longer is in the settings */

struct senders {
	struct settings_address *entries;
	size_t count;
	const struct settings_account *fallback; /* or NULL */
};

struct senders *senders_new(const struct settings *settings, struct err *err)
{
	struct senders *senders = calloc(1, sizeof(*senders));
	const struct settings_address *fallback = NULL;

	if (!senders) {
		err_set(err, ERR_MEMORY, "%s: out of memory", settings->path);
		return NULL;
	}
	senders->entries = settings_addresses(settings, &senders->count, err);
	if (!senders->entries) {
		senders_free(senders);
		return NULL;
	}
	if (settings->milter.default_account)
		fallback = settings_addresses_exact(senders->entries, senders->count, settings->milter.default_account);
	senders->fallback = fallback ? fallback->account : NULL;
	return senders;
}

void senders_free(struct senders *senders)
{
	if (!senders)
		return;
	free(senders->entries);
	free(senders);
}

/* Lower case, NUL-terminated. False for what may not match anything: a NUL, or what looks like a pattern of ours. */
static bool normalise(const char *address, size_t len, char *out)
{
	size_t i;

	if (len == 0 || len > ADDRESS_MAX || memchr(address, '\0', len))
		return false;
	for (i = 0; i < len; i++)
		out[i] = address[i] >= 'A' && address[i] <= 'Z' ? (char)(address[i] - 'A' + 'a') : address[i];
	out[len] = '\0';
	return strncmp(out, "*@", 2) != 0;
}

static const struct settings_address *find_exact(const struct senders *senders, const char *address)
{
	return settings_addresses_exact(senders->entries, senders->count, address);
}

static const struct settings_address *find_pattern(const struct senders *senders, const char *address)
{
	return settings_addresses_pattern(senders->entries, senders->count, address);
}

struct senders_match senders_find(const struct senders *senders, const char *address, size_t len)
{
	const struct settings_address *entry;
	char name[ADDRESS_MAX + 1];

	if (normalise(address, len, name)) {
		entry = find_exact(senders, name);
		if (entry)
			return (struct senders_match){SENDERS_EXACT, entry->account, entry->connector};
		entry = find_pattern(senders, name);
		if (entry)
			return (struct senders_match){SENDERS_WILDCARD, entry->account, entry->connector};
	}
	if (senders->fallback)
		return (struct senders_match){SENDERS_DEFAULT, senders->fallback, NULL};
	return (struct senders_match){SENDERS_NOBODY, NULL, NULL};
}

const struct settings_account *senders_account(const struct senders *senders, const char *name, size_t len)
{
	const struct settings_address *entry;
	char copy[ADDRESS_MAX + 1];

	if (!normalise(name, len, copy))
		return NULL;
	entry = find_exact(senders, copy);
	if (entry && entry->source == SETTINGS_NAME)
		return entry->account;
	entry = find_pattern(senders, copy);
	return entry && entry->source == SETTINGS_NAME ? entry->account : NULL;
}
