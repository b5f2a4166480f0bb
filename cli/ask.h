#ifndef MAILBEARER_CLI_ASK_H
#define MAILBEARER_CLI_ASK_H

#include "cli/cli.h"
#include "lib/buf.h"
#include "lib/err.h"

/*
 * One question to tokend, over the first socket that the configuration names. Blocks for ASK_DEADLINE_MS at most:
 * longer than tokend takes for discovery and a token request in a row.
 */
#define ASK_DEADLINE_MS 60000

#define ASK_PATH_SIZE 256

/* Finds the socket, once for several questions. 0, or -1 with *err set. */
int ask_find(const struct cli_call *call, char path[ASK_PATH_SIZE], struct err *err);

/* As ask, at that socket. */
enum cli_exit ask_at(const char *path, const struct cli_call *call, const char *map, const struct buf *key,
		     struct buf *answer, struct err *err);

/*
 * `map` with a key; with NULL the call's account, if it has one, is the key. CLI_DONE: tokend said OK, and what
 * followed is in `answer` (made by the caller with the most that it takes; may be a token). CLI_FAILED: tokend said no,
 * and why is in *err. CLI_NO_TOKEND: no answer.
 */
enum cli_exit ask(const struct cli_call *call, const char *map, const struct buf *key, struct buf *answer,
		  struct err *err);

/* The same for answers that are meant for a person: "ABOUT: ANSWER" goes to standard output. */
enum cli_exit ask_and_tell(const struct cli_call *call, const char *map, const struct buf *key, const char *about,
			   struct err *err);

#endif
