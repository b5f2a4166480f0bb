#ifndef MAILBEARER_SETUP_MTA_H
#define MAILBEARER_SETUP_MTA_H

#include <stdbool.h>

#include "daemon/settings.h"
#include "lib/err.h"
#include "postfix/installation.h"
#include "setup/doors.h"

/*
 * Postfix's part of the set-up: its files brought into line with the settings, Postfix told so, and a message sent
 * through it whose fate is told.
 */

#define MTA_MESSAGE_MS 60000 /* for the test message, from sendmail(1) to the server's word */

/* All borrowed. */
struct mta_wish {
	const struct setup_doors *doors;
	const struct setup_answers *answers;
	const struct installation_place *place;
	const char *config;              /* the configuration's path */
	const struct settings *settings; /* what it says; not for mta_undo */
};

struct mta_outcome {
	bool changed; /* something was */
	bool absent;  /* there is no Postfix */
	bool left;    /* something is to be changed, and was not, as it was wished */
};

/*
 * Shows what is to change and does it, unless the answer is to show only; a person is asked. A machine without Postfix
 * is told so and left alone. Postfix is reloaded if its files were changed, now or by a run that was interrupted.
 * *out is added to. 0 or -1.
 */
int mta_bring_into_line(const struct mta_wish *wish, struct mta_outcome *out, struct err *err);

/* Shows what was changed last, and brings it back as it was; a person is asked first. 0 or -1. */
int mta_undo(const struct mta_wish *wish, struct err *err);

/* All borrowed. */
struct mta_test {
	const struct setup_doors *doors;
	const struct installation_place *place;
	const char *mailbox;
	const char *recipient;
	bool as_stranger; /* from an address of this machine, for the milter to make it the mailbox's */
};

/* Sends it, and waits for what becomes of it. 0: the server has taken it; or -1. */
int mta_send_test(const struct mta_test *test, struct err *err);

#endif
