#ifndef MAILBEARER_DAEMON_EXPLAIN_H
#define MAILBEARER_DAEMON_EXPLAIN_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/buf.h"

/*
 * What goes wrong between a relay and Exchange Online or Gmail, as tables: what it means, whether it heals by itself,
 * who must do what. Pure: no I/O, no clock, no allocation but in explain_fill(). All texts are constants.
 *
 * This is advice for people. Nothing may branch on it: Microsoft says of its AADSTS numbers that they change, and the
 * `error` of RFC 6749 is what tokend goes by.
 */

enum explain_course {
	EXPLAIN_HEALS, /* by itself: wait */
	EXPLAIN_STAYS, /* until somebody does something */
	EXPLAIN_STEP   /* belongs to a sign-in, is no fault */
};

enum explain_who {
	EXPLAIN_NOBODY,
	EXPLAIN_POSTMASTER, /* who runs this relay */
	EXPLAIN_OWNER,      /* who can sign in as the mailbox */
	EXPLAIN_ENTRA,      /* an administrator of the tenant's users and applications */
	EXPLAIN_EXCHANGE,   /* an administrator of the tenant's mailboxes */
	EXPLAIN_SENDER,     /* whoever or whatever wrote the message */
	EXPLAIN_OTHERS      /* the recipient, the network, an identity provider */
};

#define EXPLAIN_REMEDY_MAX 160 /* bytes of a remedy, its NUL included: one line of a log takes it */

/* What is to be done about a family of causes. */
struct explain_advice {
	enum explain_course course;
	enum explain_who who;
	const char *remedy; /* one sentence without full stop */
	const char *steps;  /* lines of a portal's menu or of PowerShell, each ended by a newline; or NULL. Holds
			       {mailbox}, {app}, {tenant}: see explain_fill() */
};

/* One cause. */
struct explain_cause {
	const char *name;    /* "AADSTS700082", "invalid_grant", "535 5.7.139", "store-failed", or a few words */
	const char *meaning; /* one sentence */
	const struct explain_advice *advice;
};

/* The cause of an AADSTS number, or of an `error` of OAuth 2.0 (or one of tokend's own words for it). False: unknown.
 */
bool explain_aadsts(long code, struct explain_cause *out);
bool explain_oauth(const char *error, size_t len, struct explain_cause *out);

/* Part of a text; len 0: it is not there. */
struct explain_span {
	const char *at;
	size_t len;
};

/* A mail server's reply, as far as it is there. */
struct explain_reply {
	int basic;                   /* 200 to 599; 0: none */
	int class_, subject, detail; /* RFC 3463; class_ 0: none */
	struct explain_span text;    /* what comes behind the codes, to the end */
	bool softened;               /* of dsn=, where Postfix may have turned a 5 into a 4 */
};

/* What could be understood of a text: a code, a whole log line of Postfix, Sendmail or ours. */
struct explain_found {
	bool known;
	struct explain_cause cause; /* if known */
	bool trouble;               /* it tells of something that went wrong, known or not */
	long aadsts;                /* 0: none */
	struct explain_span oauth;  /* an `error` of OAuth */
	struct explain_span event;  /* event=... of our programs */
	struct explain_reply reply;
	struct explain_span account; /* whom it is about, if the line says so */
	struct explain_span queue_id;
	struct explain_span sender; /* from=<...> of the queue's lines */
	struct explain_span relay;  /* the server */
	struct explain_span time;   /* the time stamp at the line's beginning */
};

/* Never fails; any bytes will do, `len` of them. The spans point into the text. */
void explain_text(const char *text, size_t len, struct explain_found *out);

/* The i-th cause, from 0, that the codes of this reply can stand for when these words of the server's are with them.
 * False after the last. */
bool explain_variant(const struct explain_reply *reply, unsigned i, struct explain_cause *out, const char **words);

/* "heals by itself", "does not heal by itself", ...; "the Exchange administrator", ... */
const char *explain_course_text(enum explain_course course);
const char *explain_who_text(enum explain_who who);

struct explain_values {
	const char *mailbox, *app, *tenant; /* each may be NULL: then "<mailbox>" is left for the reader */
};

/* Appends a remedy or steps with {mailbox}, {app} and {tenant} filled in. 0, or -1 with out->failed set. */
int explain_fill(const char *text, const struct explain_values *values, struct buf *out);

/* Every cause there is, in the order of the tables: for the tests and the manual page. False after the last. */
bool explain_at(unsigned i, struct explain_cause *out);

#endif
