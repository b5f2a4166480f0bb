#ifndef MAILBEARER_MILTER_PROCESS_H
#define MAILBEARER_MILTER_PROCESS_H

#include "daemon/options.h"
#include "lib/err.h"

/* The milter as a process: what main() starts, runs and ends, in that order. */
struct process;

/* Reads and proves the settings, gives up root, takes the socket. NULL with *err set. */
struct process *process_start(const struct options *options, struct err *err);

/* Serves until SIGTERM or SIGINT. SIGHUP looks at the configuration now rather than at the next connection. 0, or -1
 * with *err set. */
int process_run(struct process *process, struct err *err);

/* Takes no new connection, lets the messages under way end (10 s at most), and stops. The process must end then: the
 * library's threads are not waited for. NULL is legal. */
void process_stop(struct process *process);

#endif
