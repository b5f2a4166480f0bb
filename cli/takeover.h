#ifndef MAILBEARER_CLI_TAKEOVER_H
#define MAILBEARER_CLI_TAKEOVER_H

#include <stddef.h>

#include "cli/cli.h"
#include "cli/foreign.h"

/* Taking over what another program knows: sections on standard output, secrets into files, refresh tokens to tokend. */

#define TAKEOVER_DOCUMENT_MAX (1024 * 1024) /* bytes of a file of theirs, and of the sections */

struct takeover {
	const struct cli_call *call;
	struct foreign ones[CLI_WORDS_MAX];
	const char *sources[CLI_WORDS_MAX]; /* where each was read: a file's name, a section's */
	size_t clients[CLI_WORDS_MAX];      /* for each: the first one with the same client */
	size_t count;
	char *folder; /* for the client secrets, absolute; NULL: they are not written */
};

/* Begins; to be freed whatever comes. 0, or -1 with *err set: there is no folder for the secrets. */
int takeover_begin(const struct cli_call *call, struct takeover *takeover, struct err *err);
void takeover_free(struct takeover *takeover);

/* Takes ones[count], which has been filled in and proved. 0, or -1 with *err set: its account is there already. */
int takeover_add(struct takeover *takeover, const char *source, struct err *err);

/* Prints, writes, gives. Asks tokend and waits for it. */
enum cli_exit takeover_end(const struct takeover *takeover, struct err *err);

#endif
