#ifndef MAILBEARER_MILTER_GATES_H
#define MAILBEARER_MILTER_GATES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "daemon/network.h"
#include "lib/err.h"

/*
 * The gates: limits that are off (0) unless set. Pure but for the counters' own memory, which is taken once and never
 * grows: 4096 clients and 1024 mailboxes are remembered, and of more the one not seen for longest is forgotten (its
 * count begins again at 0). Time is a parameter, in seconds of a clock that does not jump. Counters are not for two
 * threads at once: the caller holds a lock.
 */
struct gates_limits {
	int64_t message_size; /* bytes */
	unsigned recipients_per_message;
	unsigned recipients_per_day;  /* of one mailbox, in any 24 hours */
	unsigned messages_per_minute; /* of one client address (IPv6: of one /64) */
	bool tempfail_when_unusable;
	int64_t unusable_grace; /* seconds that a grant may have been dead before mail is put off */
};

/* size: declared at MAIL FROM (SIZE=), and counted at the end. */
bool gates_size_allowed(const struct gates_limits *limits, int64_t size);

/* count: with the one that is asked about. */
bool gates_recipients_allowed(const struct gates_limits *limits, size_t count);

struct gates;

struct gates *gates_new(void); /* NULL: out of memory */
void gates_free(struct gates *gates);

/* Counts a message of this client, unless that would be one too many: then false. */
bool gates_client_allowed(struct gates *gates, const struct gates_limits *limits,
			  const uint8_t client[NETWORK_ADDRESS_SIZE], int64_t now);

/*
 * Counts a message's recipients for this mailbox, unless they would be too many: then false, and nothing is counted.
 * The day is a window of 24 to 25 hours, counted by the hour. `refusable` is false for what did not come by SMTP: it is
 * counted, and always allowed.
 */
bool gates_day_allowed(struct gates *gates, const struct gates_limits *limits, const char *mailbox, size_t recipients,
		       bool refusable, int64_t now);

/* How an account is, from tokend's `account` map. */
struct gates_health {
	bool known; /* false: no such account, a connector, or an answer that makes no sense */
	bool usable;
	int64_t unusable_for;      /* seconds */
	char reason[ERR_TEXT_MAX]; /* printable ASCII */
};

/* The text of an OK: "account NAME usable", "account NAME unusable SECONDS REASON", "connector NAME". */
void gates_health_parse(const char *text, size_t len, struct gates_health *out);

/* What is not known is healthy: tokend away must not stop mail here, since it waits in the queue all the same. */
bool gates_health_allowed(const struct gates_limits *limits, const struct gates_health *health);

#endif
