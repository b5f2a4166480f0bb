#ifndef MAILBEARER_MILTER_REPLY_H
#define MAILBEARER_MILTER_REPLY_H

#include <stdint.h>

#include "milter/address.h"

/*
 * What the device is told, and so what its owner reads: the texts of mailbearer-milter(8). Pure.
 *
 * Each is one line of printable ASCII without "%", shorter than REPLY_TEXT_MAX, that names both senders
 * as far as they are known (before the header, the From is shown as <>). What comes
 * from outside is cut, and bytes of it that could do harm are shown as "?".
 */
#define REPLY_TEXT_MAX 390 /* bytes with the NUL; with code and status the line stays under 400 */

enum reply_kind {
	REPLY_NO_ACCOUNT,    /* 550 5.7.1  neither sender is known, and there is no default_account */
	REPLY_NO_MAILBOX,    /* 550 5.7.1  the account is a wildcard, and nothing says which mailbox of it */
	REPLY_ENVELOPE,      /* 550 5.7.1  mode reject: the envelope sender is not the account's */
	REPLY_FROM,          /* 550 5.7.1  mode reject: the header From is not the account's */
	REPLY_BOTH,          /* 550 5.7.1  mode reject: neither is */
	REPLY_TWO_ACCOUNTS,  /* 550 5.7.1  mode reject: each is another account's */
	REPLY_NOT_ONE,       /* 550 5.1.7  mode reject: the From field is not one mailbox */
	REPLY_SENDER,        /* 550 5.7.1  mode reject: the Sender field is not the account's */
	REPLY_INTERNATIONAL, /* 550 5.6.7  a UTF-8 address would have to go into a message without SMTPUTF8 */
	REPLY_SIZE,          /* 552 5.3.4  */
	REPLY_RECIPIENTS,    /* 452 4.5.3  recipients of a message; for one RCPT */
	REPLY_DAILY,         /* 451 4.7.1  recipients of a day */
	REPLY_RUNAWAY,       /* 450 4.7.1  messages of a minute */
	REPLY_UNUSABLE,      /* 451 4.3.0  the account's grant is dead */
	REPLY_INTERNAL,      /* 451 4.3.0  out of memory and the like */
	REPLY_KINDS
};

struct reply {
	enum reply_kind kind;
	const char *code;   /* "550"; static */
	const char *status; /* "5.7.1"; static */
	char text[REPLY_TEXT_MAX];
};

/* What the texts are made of; not every text needs everything. */
struct reply_facts {
	struct span envelope; /* without brackets; empty: the null sender */
	struct span from;     /* the field's value, or the mailbox read from it; empty: no such field */
	struct span sender;   /* of the Sender field */
	const char *account;  /* or connector, or the mailbox to use; or NULL */
	const char *detail;   /* why the grant is dead; or NULL */
	int64_t limit;        /* in force: bytes, recipients, messages */
};

void reply_write(enum reply_kind kind, const struct reply_facts *facts, struct reply *out);

/* "no-account", ...: the word for the log. */
const char *reply_kind_name(enum reply_kind kind);

#endif
