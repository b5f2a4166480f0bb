/*
 * Limits, the counters behind two of them, and the reading of tokend's word on an account. Called by the milter's
 * callbacks, which hold a lock around the counters and own the clock.
 */
#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include "lib/fnv.h"
#include "milter/address.h"
#include "milter/gates.h"

#define WAYS 8       /* places where a key may stand; the one not used for longest makes room */
#define SLOTS_MAX 25 /* of time; a window is one more than it must cover, as the newest slot is not over yet */

struct counter {
	char key[ADDRESS_MAX + 1];
	int64_t used;   /* the turn of its last use; 0: free */
	int64_t newest; /* number of the last slot of time that was counted in */
	unsigned counts[SLOTS_MAX];
};

struct table {
	int64_t slot; /* seconds */
	unsigned slots;
	size_t size;
	struct counter *counters;
};

#define CLIENTS 4096
#define MAILBOXES 1024

struct gates {
	int64_t turn; /* grows with each use */
	struct table minute, day;
	struct counter clients[CLIENTS];
	struct counter mailboxes[MAILBOXES];
};

/* --- without counters --- */

bool gates_size_allowed(const struct gates_limits *limits, int64_t size)
{
	return limits->message_size == 0 || size <= limits->message_size;
}

bool gates_recipients_allowed(const struct gates_limits *limits, size_t count)
{
	return limits->recipients_per_message == 0 || count <= limits->recipients_per_message;
}

/* --- counters --- */

struct gates *gates_new(void)
{
	struct gates *gates = calloc(1, sizeof(*gates));

	if (gates != NULL) {
		gates->minute = (struct table){.slot = 5, .slots = 13, .size = CLIENTS, .counters = gates->clients};
		gates->day = (struct table){.slot = 3600, .slots = 25, .size = MAILBOXES, .counters = gates->mailboxes};
	}
	return gates;
}

void gates_free(struct gates *gates)
{
	free(gates);
}

static size_t hash(const char *key)
{
	uint64_t value = fnv(key, strlen(key));

	return (size_t)(value ^ value >> 32);
}

static struct counter *find_counter(const struct table *table, const char *key)
{
	struct counter *set = &table->counters[hash(key) % (table->size / WAYS) * WAYS];
	struct counter *oldest = set;

	for (size_t i = 0; i < WAYS; i++) {
		if (set[i].used != 0 && strcmp(set[i].key, key) == 0)
			return &set[i];
		if (set[i].used < oldest->used)
			oldest = &set[i];
	}
	memset(oldest, 0, sizeof(*oldest));
	memcpy(oldest->key, key, strlen(key) + 1);
	return oldest;
}

/* Empties the slots between the last one counted in and now's. If the clock went back, the newest goes on. */
static void move_on(struct counter *counter, unsigned slots, int64_t now)
{
	if (now - counter->newest >= (int64_t)slots) {
		memset(counter->counts, 0, sizeof(counter->counts));
		counter->newest = now;
	}
	while (counter->newest < now)
		counter->counts[++counter->newest % slots] = 0;
}

/* Counts `more` for the key, unless that were over the limit: then false. */
static bool count(struct gates *gates, const struct table *table, const char *key, size_t more, uint64_t limit,
		  int64_t now)
{
	struct counter *counter = find_counter(table, key);
	uint64_t total = more;

	counter->used = ++gates->turn;
	move_on(counter, table->slots, now / table->slot);
	for (unsigned i = 0; i < table->slots; i++)
		total += counter->counts[i];
	if (total > limit)
		return false;
	counter->counts[counter->newest % table->slots] += (unsigned)more;
	return true;
}

/* One host has a whole /64 of IPv6. */
static void client_key(const uint8_t client[NETWORK_ADDRESS_SIZE], char key[INET6_ADDRSTRLEN])
{
	static const uint8_t mapped[] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
	uint8_t host[NETWORK_ADDRESS_SIZE];

	memcpy(host, client, sizeof host);
	if (memcmp(host, mapped, sizeof mapped) != 0)
		memset(host + 8, 0, 8);
	inet_ntop(AF_INET6, host, key, INET6_ADDRSTRLEN);
}

bool gates_client_allowed(struct gates *gates, const struct gates_limits *limits,
			  const uint8_t client[NETWORK_ADDRESS_SIZE], int64_t now)
{
	char key[INET6_ADDRSTRLEN];

	if (limits->messages_per_minute == 0)
		return true;
	client_key(client, key);
	return count(gates, &gates->minute, key, 1, limits->messages_per_minute, now);
}

bool gates_day_allowed(struct gates *gates, const struct gates_limits *limits, const char *mailbox, size_t recipients,
		       bool refusable, int64_t now)
{
	if (limits->recipients_per_day == 0 || *mailbox == '\0' || strlen(mailbox) > ADDRESS_MAX)
		return true;
	return count(gates, &gates->day, mailbox, recipients, refusable ? limits->recipients_per_day : UINT64_MAX, now);
}

/* --- health --- */

/* Steps over these characters, if they are there. */
static bool take(const char **at, const char *end, const char *word)
{
	size_t len = strlen(word);

	if ((size_t)(end - *at) < len || memcmp(*at, word, len) != 0)
		return false;
	*at += len;
	return true;
}

static bool take_number(const char **at, const char *end, int64_t *number)
{
	const char *began = *at;

	*number = 0;
	for (; *at < end && **at >= '0' && **at <= '9' && *at - began < 18; ++*at)
		*number = *number * 10 + (**at - '0');
	return *at > began;
}

static void copy_reason(const char *at, const char *end, char *reason, size_t size)
{
	size_t i = 0;

	for (; at < end && i + 1 < size; at++)
		reason[i++] = *at >= ' ' && *at < 0x7f ? *at : '?';
	reason[i] = '\0';
}

void gates_health_parse(const char *text, size_t len, struct gates_health *out)
{
	const char *at = text, *end = text + len;

	*out = (struct gates_health){.usable = true};
	if (!take(&at, end, "account "))
		return;
	while (at < end && *at != ' ')
		at++;
	if (take(&at, end, " usable")) {
		out->known = true;
		return;
	}
	if (!take(&at, end, " unusable ") || !take_number(&at, end, &out->unusable_for))
		return;
	take(&at, end, " ");
	out->known = true;
	out->usable = false;
	copy_reason(at, end, out->reason, sizeof(out->reason));
}

bool gates_health_allowed(const struct gates_limits *limits, const struct gates_health *health)
{
	return !limits->tempfail_when_unusable || !health->known || health->usable ||
	       health->unusable_for < limits->unusable_grace;
}
