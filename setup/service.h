#ifndef MAILBEARER_SETUP_SERVICE_H
#define MAILBEARER_SETUP_SERVICE_H

#include <stdbool.h>

#include "lib/buf.h"
#include "lib/err.h"

/*
 * The daemons' users, folders and start, as the machine does such things. The machine's own way serves the
 * configuration at its usual place only; for any other, a daemon is started by itself.
 */

enum service_manager { SERVICE_NONE, SERVICE_SYSTEMD, SERVICE_OPENRC };

/* What there is; the paths are of programs, NULL: it is not there. */
struct service_machine {
	enum service_manager manager; /* that runs this machine */
	const char *sysusers, *tmpfiles, *systemctl, *journalctl, *rc_service, *rc_update;
	const char *tokend, *milter; /* the daemons */
	const char *config;          /* NULL: the usual one */
};

#define SERVICE_WORDS_MAX 6

struct service_command {
	const char *words[SERVICE_WORDS_MAX]; /* ends with NULL; borrowed from the machine */
	bool needed;                          /* its failure is an error */
};

enum service_wish { SERVICE_MAKE_USERS, SERVICE_START_TOKEND, SERVICE_START_MILTER };

/* What is to be run for it, in order; at most `room`. Pure. How many. */
unsigned service_commands(const struct service_machine *machine, enum service_wish wish, struct service_command *out,
			  unsigned room);

/* Looks at this machine. config: as of service_machine. The paths of our own programs are kept in `paths`. */
#define SERVICE_PATH_SIZE 2304
struct service_paths {
	char tokend[SERVICE_PATH_SIZE], milter[SERVICE_PATH_SIZE];
};
void service_look(const char *config, struct service_paths *paths, struct service_machine *out);

/*
 * Of what a daemon wrote that has not started (to its journal, or to standard error): its reason, appended, and true.
 * If it gave none, false, with the last line, whoever wrote it. Any bytes will do. Pure.
 */
bool service_reason(const struct buf *words, const char *daemon, struct buf *out);

/* Runs the commands. Blocks for SERVICE_MS at most for each. `told` has a line for each. 0; or -1, with the reason of a
 * daemon that has not started in its own words. */
#define SERVICE_MS 90000
int service_run(const struct service_machine *machine, enum service_wish wish, struct buf *told, struct err *err);

#endif
