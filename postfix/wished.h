#ifndef MAILBEARER_POSTFIX_WISHED_H
#define MAILBEARER_POSTFIX_WISHED_H

#include <stdbool.h>
#include <stddef.h>

#include "daemon/settings.h"
#include "lib/buf.h"
#include "lib/err.h"

/*
 * What Postfix has to be told so that it sends as the settings say: parameters of main.cf, and a transport for each
 * account in master.cf. All that is about an account's way out stands with its own transport, so that Postfix's other
 * mail goes as before. Pure: knows nothing of what is there; merge.h brings the two together.
 */

/* Exchange Online's limit of submissions at a time from one mailbox. */
#define WISHED_SUBMISSIONS_MAX 3

/* tlsproxy(8), which keeps the connections of the transports, with its chroot field. */
#define WISHED_TLSPROXY_FORMAT "tlsproxy unix - - %s - 0 tlsproxy"

/* What becomes of a value that is there already. */
enum wished_how {
	WISHED_SET,        /* replaced */
	WISHED_DEFAULT,    /* kept, unless it is empty */
	WISHED_AT_MOST,    /* a number, kept from 1 up to ours */
	WISHED_MAP,        /* a list of tables: ours comes first, the others are kept */
	WISHED_MILTER,     /* a list of milters: the same */
	WISHED_LOCAL,      /* non_smtpd_milters: the same; ours alone, if smtpd_milters has others and it has none */
	WISHED_WORD,       /* a list of words: ours is added */
	WISHED_CHARACTERS, /* a set of characters: ours is added */
};

struct wished_parameter {
	char *name, *value;
	enum wished_how how;
};

struct wished_service {
	const char *name; /* of the settings */
	char *login;      /* the values of the options that differ between accounts */
	const char *mechanisms;
	bool sender_is_login; /* a whole domain: asked for by sender */
	bool is_wrapped;      /* TLS from the first byte */
};

struct wished {
	size_t parameter_count, service_count;
	struct wished_parameter *parameters;
	struct wished_service *services;
	/* By these is ours known, whichever account it is of: */
	char *route;             /* the table that tells a sender's transport */
	char *login_end;         /* ":tokend" or ":unix:PATH", behind "static:ACCOUNT" */
	char *login_map;         /* the table of a domain's logins */
	bool routed;             /* tokend is asked for each sender's transport */
	bool default_account;    /* and knows one for every sender */
	bool milter_unreachable; /* there is a milter section, but Postfix cannot reach the socket from its queue's
				    folder: its parameters are left out */
};

/* What is particular to a machine. */
struct wished_site {
	const char *queue_directory; /* NULL: Debian's */
	const char *ca_file;         /* of the public certification authorities; NULL: Debian's */
};

/* 0 with *out to be freed before the settings, or -1: no memory. */
int wished_make(const struct settings *settings, const struct wished_site *site, struct wished **out, struct err *err);

/* NULL is legal. */
void wished_free(struct wished *wished);

/* Calls `put` with each option of the service, "NAME=VALUE", in order. */
void wished_each_option(const struct wished_service *service,
			void (*put)(void *arg, const char *name, const char *value), void *arg);

/*
 * What main.cf may say for all mail and no login of ours may suffer from, with what our transports say instead: the
 * i-th from 0. False behind the last.
 */
bool wished_guard_at(size_t i, const char **name, const char **ours);

/* Would we ever write this option into a transport? Logins are told by wished_is_login. */
bool wished_writes_option(const char *name, const char *value);

/* Is it a login at this tokend, whoever's? */
bool wished_is_login(const struct wished *wished, const char *value);

/* Appends one parameter a line, as main.cf(5) has them, and one service a line, as master.cf(5) has them;
 * tlsproxy's, which may be there, in a comment. */
void wished_print_parameters(const struct wished *wished, struct buf *out);
void wished_print_services(const struct wished *wished, struct buf *out);

/* Appends what lines of main.cf cannot say, a sentence a line; or nothing. */
void wished_print_notes(const struct wished *wished, struct buf *out);

#endif
