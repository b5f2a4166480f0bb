#ifndef MAILBEARER_CHECK_WORLD_H
#define MAILBEARER_CHECK_WORLD_H

#include <jansson.h>

#include "check/finding.h"
#include "check/options.h"
#include "daemon/senders.h"
#include "daemon/settings.h"
#include "lib/buf.h"
#include "lib/wire.h"

/*
 * What the steps hand on to each other. A step may use what those that it needs (check/check.c) have put here.
 */
struct relay;
struct installation;
struct wished;

#define WORLD_HOST_MAX 256
#define WORLD_PATH_MAX 4096

struct world {
	const struct check_options *options;
	/* config: */
	struct settings *settings;
	struct senders *senders;
	/* postfix: */
	struct installation *postfix; /* or NULL */
	struct wished *wished;        /* or NULL */
	const char *sasl_path;        /* what Postfix gives libsasl2 as SASL_PATH; or NULL */
	char sasl_path_text[WORLD_PATH_MAX];
	/* of the account that it is the turn of: */
	const struct settings_account *account;
	const char *mailbox; /* who logs in: its name, or the mailbox that was asked for; or NULL: any of a domain */
	char host[WORLD_HOST_MAX];
	unsigned port;
	/* grant: */
	json_t *status;
	/* token: */
	struct buf token; /* NUL-terminated; wipes itself */
	/* claims: */
	json_t *claims;  /* or NULL: it is opaque */
	bool claims_fit; /* as far as they can be judged */
	/* auth: */
	struct relay *relay;
};

typedef void step_run(struct world *world, struct finding *finding);

/* One question to tokend at its first socket (or another one). 0 with the answer, whatever it is, or -1: no answer. */
#define WORLD_ASK_MS 60000
int world_ask(const struct world *world, const char *socket, const char *map, const char *key, enum wire_result *result,
	      struct buf *answer, struct err *err);

/* Forgets what belongs to an account. */
void world_leave_account(struct world *world);

#endif
