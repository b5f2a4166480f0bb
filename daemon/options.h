#ifndef MAILBEARER_DAEMON_OPTIONS_H
#define MAILBEARER_DAEMON_OPTIONS_H

#include <stdbool.h>

#include "lib/err.h"

/* The command line that our daemons have in common: [-c FILE] [-F] [-v]. */
struct options {
	const char *program; /* the program's name */
	const char *conf;
	bool foreground; /* log to standard error, do not detach */
	bool verbose;
};

/* Fills *options. 0: go on; else exit with *status: usage or help has been printed. */
int options_read(int argc, char **argv, const char *program, struct options *options, int *status);

/* Opens the log where options and the setting `log` ("syslog", "stderr") want it. */
void options_open_log(const struct options *options, const char *log);

/* Tells why the daemon ends: on the terminal, and in the log, unless the log is the terminal. EXIT_FAILURE. */
int options_fail(const struct options *options, const struct err *err);

#endif
