#ifndef MAILBEARER_MILTER_POLICY_PRIVATE_H
#define MAILBEARER_MILTER_POLICY_PRIVATE_H

#include <stdbool.h>

#include "milter/policy.h"

/* What policy_decide.c (who carries it, which situation is it?) and policy_changes.c (what to change, then) share. */

struct owner {
	const struct settings_account *account;     /* or NULL */
	const struct settings_connector *connector; /* or NULL; never both */
};

/* One of the senders of a message, and whose it is. */
struct party {
	struct address address; /* kind NONE: the null sender, or no such field */
	struct owner owner;     /* nobody's: both NULL */
	bool login;             /* the owner can log in as this very mailbox, if it is a wildcard account */
};

struct plan {
	const struct policy *policy;
	const struct policy_message *message;
	struct party envelope, from;
	struct owner carrier;
	bool ruled;          /* the rule's account carries */
	const char *address; /* what replaces a sender that does not fit; NULL: there is none */
	bool fix_envelope, fix_from, fix_sender;
};

struct party policy_party(const struct policy *policy, const struct address *address);

/* May this address stand in a From or Sender field of what the plan's carrier sends? */
bool policy_fits(const struct plan *plan, const struct party *party);

/* Fills the verdict's list of changes. 0, or -1: out of memory. */
int policy_list_changes(const struct plan *plan, struct policy_verdict *verdict);

#endif
