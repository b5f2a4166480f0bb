#ifndef MAILBEARER_MILTER_RULES_H
#define MAILBEARER_MILTER_RULES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "daemon/network.h"
#include "daemon/settings.h"
#include "milter/address.h"

/*
 * Which rule of the configuration is meant? Pure. The shell fills these structs from the settings, and everything they
 * point to stays the settings'.
 */
enum policy_mode { POLICY_OFF, POLICY_MONITOR, POLICY_REWRITE, POLICY_REJECT };

struct rules_rule {
	const char *name; /* for the log */

	/* Each list that is not empty must have an entry that fits. */
	struct settings_list clients;   /* networks, as network_parse reads them; proved before */
	struct settings_list logins;    /* SASL login names; case-insensitive */
	struct settings_list listeners; /* names or ports of the MTA's listeners; case-insensitive */
	struct settings_list senders;   /* envelope senders: "a@b.example", "*@b.example" or "<>"; case-insensitive */

	bool has_mode;
	enum policy_mode mode;                  /* when has_mode; else the milter section's */
	const struct settings_account *account; /* carries the message; or NULL: as without the rule */
	const char *address; /* of that account: what replaces a sender that is not the account's; or NULL */
};

struct rules_list {
	size_t count;
	const struct rules_rule *items; /* in the file's order */
};

#define RULES_LISTENER_NAMES 4

struct rules_session {
	bool has_address; /* false: it came over a local socket, or not by SMTP at all */
	uint8_t address[NETWORK_ADDRESS_SIZE];
	const char *login;                          /* {auth_authen}, or NULL */
	const char *listener[RULES_LISTENER_NAMES]; /* what the listener is called: {daemon_name}, port, "ADDRESS:PORT";
						     * NULL where there is none */
	struct span envelope;                       /* without brackets; empty: the null sender */
};

/* The first rule that fits, or NULL. */
const struct rules_rule *rules_find(const struct rules_list *rules, const struct rules_session *session);

/* "off", "monitor", "rewrite", "reject"; false for anything else. */
bool rules_mode_parse(const char *text, enum policy_mode *mode);
const char *rules_mode_name(enum policy_mode mode);

#endif
