/*
 * Whose is this sender? A sorted array of every address and pattern in the settings, searched exact first and then by
 * domain. Pure. Called by tokend, the milter and the CLI, and by settings_check.c for the proof that each has one owner.
 */
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/senders.h"

#define ADDRESS_MAX 254 /* bytes; nothing longer is in the settings */

/* The order is the precedence in the answer, should one owner list an address several times. */
enum rank { RANK_ACCOUNT, RANK_SEND_AS, RANK_CONNECTOR };

struct entry {
	const char *address; /* lower case; "*@domain" for a pattern */
	enum rank rank;
	const struct settings_account *account;
	const struct settings_connector *connector;
};

struct senders {
	struct entry *entries;
	size_t count;
	const struct settings_account *fallback; /* or NULL */
};

static int compare_entries(const void *a, const void *b)
{
	const struct entry *x = a, *y = b;
	int order = strcmp(x->address, y->address);

	return order ? order : (int)x->rank - (int)y->rank;
}

static size_t count_entries(const struct settings *settings)
{
	size_t count = settings->account_count;
	size_t i;

	for (i = 0; i < settings->account_count; i++)
		count += settings->accounts[i].send_as.count;
	for (i = 0; i < settings->connector_count; i++)
		count += settings->connectors[i].senders.count;
	return count;
}

static void add_account(struct senders *senders, const struct settings_account *account)
{
	size_t i;

	senders->entries[senders->count++] = (struct entry){account->name, RANK_ACCOUNT, account, NULL};
	for (i = 0; i < account->send_as.count; i++)
		senders->entries[senders->count++] =
			(struct entry){account->send_as.items[i], RANK_SEND_AS, account, NULL};
}

static void add_connector(struct senders *senders, const struct settings_connector *connector)
{
	size_t i;

	for (i = 0; i < connector->senders.count; i++)
		senders->entries[senders->count++] =
			(struct entry){connector->senders.items[i], RANK_CONNECTOR, NULL, connector};
}

static int owner_line(const struct entry *entry)
{
	return entry->account ? entry->account->line : entry->connector->line;
}

static const char *owner_name(const struct entry *entry)
{
	return entry->account ? entry->account->name : entry->connector->name;
}

static const char *owner_kind(const struct entry *entry)
{
	return entry->account ? "account" : "connector";
}

/* The order of the entries is not the file's, so the owner that stands first in the file is named first. */
static int two_owners(const struct settings *settings, const struct entry *a, const struct entry *b, struct err *err)
{
	const struct entry *first = owner_line(a) <= owner_line(b) ? a : b;
	const struct entry *second = first == a ? b : a;

	return err_set(err, ERR_CONFIG,
	               "%s:%d: %.80s of %s \"%.80s\" belongs already to %s \"%.80s\", line %d; an address has one owner",
	               settings->path, owner_line(second), a->address, owner_kind(second), owner_name(second),
	               owner_kind(first), owner_name(first), owner_line(first));
}

/* An owner that lists an address twice does no harm; two owners do. */
static int prove_one_owner(const struct senders *senders, const struct settings *settings, struct err *err)
{
	const struct entry *a, *b;
	size_t i;

	for (i = 1; i < senders->count; i++) {
		a = &senders->entries[i - 1];
		b = &senders->entries[i];
		if (strcmp(a->address, b->address) == 0 &&
		    (a->account != b->account || a->connector != b->connector))
			return two_owners(settings, a, b, err);
	}
	return 0;
}

static const struct entry *find_entry(const struct senders *senders, const char *address)
{
	size_t low = 0, high = senders->count, middle;

	while (low < high) { /* the first of equals: the best rank */
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
	const struct entry *fallback = NULL;
	size_t i;

	if (senders)
		senders->entries = calloc(count_entries(settings) + 1, sizeof(struct entry));
	if (!senders || !senders->entries) {
		err_set(err, ERR_MEMORY, "%s: out of memory", settings->path);
		senders_free(senders);
		return NULL;
	}
	for (i = 0; i < settings->account_count; i++)
		add_account(senders, &settings->accounts[i]);
	for (i = 0; i < settings->connector_count; i++)
		add_connector(senders, &settings->connectors[i]);
	qsort(senders->entries, senders->count, sizeof(struct entry), compare_entries);
	if (prove_one_owner(senders, settings, err) != 0) {
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

/* Lower case, NUL-terminated. False for what cannot be in the settings; a NUL or '*' in it would match what it is not. */
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

static const struct entry *find_wildcard(const struct senders *senders, const char *address)
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
	char name[ADDRESS_MAX + 1];
	const struct entry *entry;

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
	char copy[ADDRESS_MAX + 1];
	const struct entry *entry;

	if (!normalise(name, len, copy))
		return NULL;
	entry = find_entry(senders, copy);
	if (entry && entry->rank == RANK_ACCOUNT)
		return entry->account;
	entry = find_wildcard(senders, copy);
	return entry && entry->rank == RANK_ACCOUNT ? entry->account : NULL;
}
