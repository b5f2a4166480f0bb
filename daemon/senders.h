#ifndef MAILBEARER_DAEMON_SENDERS_H
#define MAILBEARER_DAEMON_SENDERS_H

#include <stddef.h>

#include "daemon/settings.h"

/*
 * Who carries a sender's mail? Exact account name, exact send_as, exact connector sender, wildcard account,
 * wildcard send_as, wildcard connector, else the milter section's default_account. Case-insensitive. Pure, and the
 * same for tokend, milter and CLI.
 */
struct senders;

enum senders_how { SENDERS_NOBODY, SENDERS_EXACT, SENDERS_WILDCARD, SENDERS_DEFAULT };

struct senders_match {
	enum senders_how how;
	const struct settings_account *account;     /* or NULL */
	const struct settings_connector *connector; /* or NULL; never both */
};

/* Borrows the settings, which must outlive it. NULL with *err set (ERR_CONFIG: one address with two owners, naming
 * both with their lines; ERR_MEMORY). */
struct senders *senders_new(const struct settings *settings, struct err *err);
void senders_free(struct senders *senders);

/* address: not NUL-terminated, without angle brackets; empty is the null sender (only the default can match). */
struct senders_match senders_find(const struct senders *senders, const char *address, size_t len);

/* The account of this very name, exact or by its wildcard ("*@domain" matches x@domain), not by send_as or
 * default; or NULL. This is what the `token` map asks. */
const struct settings_account *senders_account(const struct senders *senders, const char *name, size_t len);

#endif
