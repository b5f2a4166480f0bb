#ifndef MAILBEARER_TOKEND_PROCESS_H
#define MAILBEARER_TOKEND_PROCESS_H

#include "daemon/options.h"
#include "lib/err.h"

/* The daemon as a process: what main() starts, runs and ends, in that order. */
struct process;

/*
 * Reads and proves the settings, gives up root, opens key, store, loop and sockets. Everything that can be wrong is
 * found here, before anybody is told that we are ready. NULL with *err set; the log, if it is open already, knows
 * nothing of it.
 */
struct process *process_start(const struct options *options, struct err *err);

/* Serves until SIGTERM or SIGINT; reloads at SIGHUP. 0, or -1 with *err set. */
int process_run(struct process *process, struct err *err);

/* Answers those who wait, lets the answers out (2 s at most), closes everything. NULL is legal. */
void process_stop(struct process *process);

#endif
