/*
 * Whose is this sender? Searches the sorted addresses of the settings, exact first and then by domain. Pure. Called by
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

/* The first of equals, which is the one that counts; or NULL. */
static const struct settings_address *find_entry(const struct senders *senders, const char *address)
{
	size_t low = 0, high = senders->count, middle;

	while (low < high) {
		middle = low + (high - low) / 2;
		if (strcmp(senders->entries[middle].address, address) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	if (low == senders->count || strcmp(senders->entries[low].address, address) != 0)
		return NULL;
	return &senders->entries[low];
}

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
		fallback = find_entry(senders, settings->milter.default_account);
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

static const struct settings_address *find_wildcard(const struct senders *senders, const char *address)
{
	const char *at = strrchr(address, '@');
	char pattern[ADDRESS_MAX + 2] = "*";

	if (!at || at == address)
		return NULL;
	memcpy(pattern + 1, at, strlen(at) + 1);
	return find_entry(senders, pattern);
}

struct senders_match senders_find(const struct senders *senders, const char *address, size_t len)
{
	const struct settings_address *entry;
	char name[ADDRESS_MAX + 1];

	if (normalise(address, len, name)) {
		entry = find_entry(senders, name);
		if (entry)
			return (struct senders_match){SENDERS_EXACT, entry->account, entry->connector};
		entry = find_wildcard(senders, name);
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
	entry = find_entry(senders, copy);
	if (entry && entry->source == SETTINGS_NAME)
		return entry->account;
	entry = find_wildcard(senders, copy);
	return entry && entry->source == SETTINGS_NAME ? entry->account : NULL;
}
