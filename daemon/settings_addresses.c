/*
 * All senders that the settings name, in one sorted array, the search in it, and the proof that each has one owner.
 * Pure but for memory. Called by settings_check.c for the proof and by senders.c for the array.
 */
#include <stdlib.h>
#include <string.h>

#include "daemon/settings.h"

#define ADDRESS_MAX 254 /* bytes; nothing longer is in the settings */

struct list {
	struct settings_address *items;
	size_t count;
};

static int compare(const void *a, const void *b)
{
	const struct settings_address *x = a, *y = b;
	int order = strcmp(x->address, y->address);

	return order ? order : (int)x->source - (int)y->source;
}

static size_t count_all(const struct settings *settings)
{
	size_t count = settings->account_count;
	size_t i;

	for (i = 0; i < settings->account_count; i++)
		count += settings->accounts[i].send_as.count;
	for (i = 0; i < settings->connector_count; i++)
		count += settings->connectors[i].senders.count;
	return count;
}

static void add_account(struct list *list, const struct settings_account *account)
{
	size_t i;

	list->items[list->count++] = (struct settings_address){account->name, SETTINGS_NAME, account, NULL};
	for (i = 0; i < account->send_as.count; i++)
		list->items[list->count++] =
		    (struct settings_address){account->send_as.items[i], SETTINGS_SEND_AS, account, NULL};
}

static void add_connector(struct list *list, const struct settings_connector *connector)
{
	size_t i;

	for (i = 0; i < connector->senders.count; i++)
		list->items[list->count++] =
		    (struct settings_address){connector->senders.items[i], SETTINGS_SENDERS, NULL, connector};
}

static int line_of(const struct settings_address *address)
{
	return address->account ? address->account->line : address->connector->line;
}

static const char *name_of(const struct settings_address *address)
{
	return address->account ? address->account->name : address->connector->name;
}

static const char *kind_of(const struct settings_address *address)
{
	return address->account ? "account" : "connector";
}

/* The order is not the file's, so the owner that stands first in the file is named first. */
static int two_owners(const struct settings *settings, const struct settings_address *a,
		      const struct settings_address *b, struct err *err)
{
	const struct settings_address *first = line_of(a) <= line_of(b) ? a : b;
	const struct settings_address *second = first == a ? b : a;

	return err_set(err, ERR_CONFIG,
		       "%s:%d: %.80s of %s \"%.80s\" belongs already to %s \"%.80s\" on line %d; "
		       "an address has one owner",
		       settings->path, line_of(second), a->address, kind_of(second), name_of(second), kind_of(first),
		       name_of(first), line_of(first));
}

/* An owner that lists an address twice does no harm; two owners do. */
static int prove_one_owner(const struct settings *settings, const struct list *list, struct err *err)
{
	const struct settings_address *a, *b;
	size_t i;

	for (i = 1; i < list->count; i++) {
		a = &list->items[i - 1];
		b = &list->items[i];
		if (strcmp(a->address, b->address) == 0 && (a->account != b->account || a->connector != b->connector))
			return two_owners(settings, a, b, err);
	}
	return 0;
}

struct settings_address *settings_addresses(const struct settings *settings, size_t *count, struct err *err)
{
	struct list list = {calloc(count_all(settings) + 1, sizeof(struct settings_address)), 0};
	size_t i;

	if (!list.items) {
		err_set(err, ERR_MEMORY, "%s: out of memory", settings->path);
		return NULL;
	}
	for (i = 0; i < settings->account_count; i++)
		add_account(&list, &settings->accounts[i]);
	for (i = 0; i < settings->connector_count; i++)
		add_connector(&list, &settings->connectors[i]);
	qsort(list.items, list.count, sizeof(struct settings_address), compare);
	if (prove_one_owner(settings, &list, err) != 0) {
		free(list.items);
		return NULL;
	}
	*count = list.count;
	return list.items;
}

/* The first of equals, which is the one that counts. */
const struct settings_address *settings_addresses_exact(const struct settings_address *addresses, size_t count,
							const char *address)
{
	size_t low = 0, high = count, middle;

	while (low < high) {
		middle = low + (high - low) / 2;
		if (strcmp(addresses[middle].address, address) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low < count && strcmp(addresses[low].address, address) == 0 ? &addresses[low] : NULL;
}

const struct settings_address *settings_addresses_pattern(const struct settings_address *addresses, size_t count,
							  const char *address)
{
	const char *at = strrchr(address, '@');
	char pattern[ADDRESS_MAX + 2] = "*";

	if (!at || at == address || strlen(at) > ADDRESS_MAX)
		return NULL;
	memcpy(pattern + 1, at, strlen(at) + 1);
	return settings_addresses_exact(addresses, count, pattern);
}
