#ifndef MAILBEARER_MILTER_POLICY_H
#define MAILBEARER_MILTER_POLICY_H

#include <stdbool.h>
#include <stddef.h>

#include "daemon/senders.h"
#include "lib/buf.h"
#include "milter/address.h"
#include "milter/reply.h"
#include "milter/rules.h"

/*
 * The decision about one message: which account carries it, and what must be changed so that envelope sender and header
 * From both belong to that account. The situations are those of mailbearer-milter(8). Pure but for memory: it does no
 * I/O, reads no clock, writes no log. Safe in any number of threads at once, on one const struct policy.
 *
 * Asked once, at the end of the header at the earliest, with everything that is known. The answer is carried out at the
 * end of the message.
 */

struct policy {
	const struct senders *senders; /* knows the default_account too */
	enum policy_mode mode;         /* the milter section's */
};

#define POLICY_FIELDS_MAX 8 /* fields of one name whose values are kept; any number is counted */

struct policy_fields {
	size_t count;
	struct span values[POLICY_FIELDS_MAX]; /* the first ones, in order: as libmilter gives them, folded or not */
};

struct policy_message {
	bool smtp;     /* it came by SMTP; else by sendmail(1) and the like, and is never put off */
	bool smtputf8; /* MAIL FROM had SMTPUTF8 (or the MTA's macros say so) */
	struct span envelope;
	size_t recipients; /* that the MTA has accepted */
	size_t
	    recipients_elsewhere; /* of these: by another mailer or to another host than ours; at most `recipients` */
	struct policy_fields from, sender, reply_to;
	size_t original_from, original_sender, original_envelope; /* how many X-Original-... fields it has already */
};

/* The log's and the manual's words are in policy_situation_name. */
enum policy_situation {
	POLICY_MODE_OFF,         /* not looked at */
	POLICY_OTHER_ROUTE,      /* no recipient is ours: untouched */
	POLICY_ALIGNED,          /* one account's, both: untouched */
	POLICY_CONNECTOR,        /* one connector's, both: untouched */
	POLICY_NULL_SENDER,      /* the envelope is <> and the From right: untouched */
	POLICY_NULL_FOREIGN,     /* the envelope is <>, the From is not its account's */
	POLICY_ENVELOPE_FOREIGN, /* the From's account carries; the envelope belongs to nobody */
	POLICY_FROM_FOREIGN,     /* the envelope's account carries; the From belongs to nobody */
	POLICY_BOTH_FOREIGN,     /* the default account carries */
	POLICY_TWO_ACCOUNTS,     /* the From's account carries; the envelope is another's */
	POLICY_TWO_MAILBOXES,    /* the same wildcard account, but two mailboxes of it; the From's carries */
	POLICY_CONNECTOR_MIXED,  /* one sender is a connector's, the other is not */
	POLICY_RULED,            /* a rule's account carries, and something had to be replaced */
	POLICY_FROM_NONE,        /* no From field, or an empty one */
	POLICY_FROM_SEVERAL,     /* several From fields */
	POLICY_FROM_MANY,        /* several mailboxes in one */
	POLICY_FROM_GROUP,
	POLICY_FROM_UNPARSABLE,
	POLICY_FROM_TOO_LONG,
	POLICY_FROM_CONTROLS,
	POLICY_FROM_HIDDEN,    /* an encoded word hides an address */
	POLICY_SENDER_FOREIGN, /* aligned, but the Sender field is not the account's */
	POLICY_NO_ACCOUNT,     /* refused: nobody carries it */
	POLICY_NO_MAILBOX,     /* refused: a wildcard account carries it, but which mailbox? */
	POLICY_INTERNATIONAL,  /* refused: a UTF-8 address for a message without SMTPUTF8 */
	POLICY_FAILED,         /* out of memory: put off */
	POLICY_SITUATIONS
};

enum policy_change_kind {
	POLICY_SET_ENVELOPE, /* smfi_chgfrom: value, without brackets */
	POLICY_REPLACE,      /* smfi_chgheader: occurrence `first` of `header` becomes value, or is added */
	POLICY_DELETE,       /* smfi_chgheader(NULL): occurrences `first` to `last`; from the last one back */
	POLICY_INSERT        /* smfi_insheader at the top: value */
};

struct policy_change {
	enum policy_change_kind kind;
	const char *header;   /* static; NULL for the envelope */
	unsigned first, last; /* from 1 */
	struct buf value;     /* owned; without "Name:", folded with "\n " */
};

#define POLICY_CHANGES_MAX 16

enum policy_action { POLICY_PASS, POLICY_CHANGE, POLICY_REPLY };

struct policy_verdict {
	enum policy_action action; /* what to do */
	enum policy_action would;  /* what mode rewrite does; in mode monitor this differs from action */
	enum policy_mode mode;     /* that was in force */
	enum policy_situation situation;
	const struct rules_rule *rule;              /* that was given, or NULL */
	const struct settings_account *account;     /* carries it, or NULL */
	const struct settings_connector *connector; /* carries it, or NULL; never both */

	/* The login's mailbox: the account's name, or for a wildcard account the mailbox of its domain. For the daily
	 * count and the `account` map. "" when nobody is known to carry it. */
	char mailbox[ADDRESS_MAX + 1];

	size_t change_count; /* to be done in this order; filled in mode monitor as well */
	struct policy_change changes[POLICY_CHANGES_MAX];
	struct reply reply; /* when action or would is POLICY_REPLY */
};

/*
 * rule: what rules_find gave, or NULL. Always fills *out, which is to be released with policy_verdict_free whatever it
 * says. A message that did not come by SMTP is never answered with a 4xx.
 */
void policy_decide(const struct policy *policy, const struct rules_rule *rule, const struct policy_message *message,
		   struct policy_verdict *out);
void policy_verdict_free(struct policy_verdict *verdict);

/*
 * Before the header is known, at MAIL FROM: whose grant's health decides whether the message is taken at all. Writes
 * the mailbox of the rule's account or of the envelope sender, or "" when only the From can tell.
 */
void policy_early_mailbox(const struct policy *policy, const struct rules_rule *rule, struct span envelope,
			  char mailbox[ADDRESS_MAX + 1]);

/* "aligned", "from-foreign", ...; and "pass", "change", "reply". */
const char *policy_situation_name(enum policy_situation situation);
const char *policy_action_name(enum policy_action action);

/* What the changes touch, for the log: "envelope,from,reply-to"; "" for none. NUL-terminated, cut to size. */
#define POLICY_TOUCHED_MAX 128
void policy_touched(const struct policy_verdict *verdict, char text[POLICY_TOUCHED_MAX]);

#endif
