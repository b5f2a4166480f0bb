#ifndef MAILBEARER_DAEMON_MILTER_KNOCK_H
#define MAILBEARER_DAEMON_MILTER_KNOCK_H

#include "lib/deadline.h"
#include "lib/err.h"

/*
 * Is a milter there, and does it speak as one? Connects as an MTA does, begins (the negotiation of options of milter
 * protocol 6), and takes its leave.
 *
 * listen: as the settings have it, "unix:/PATH", "local:/PATH", "inet:PORT@HOST" or "inet6:PORT@HOST". 0; or -1:
 * ERR_UNREACHABLE: nobody is there, ERR_TIMEOUT, ERR_SYNTAX: what answers is no milter. Blocks up to the deadline, and
 * for as long as the name servers take for HOST.
 */
int milter_knock(const char *listen, struct deadline deadline, struct err *err);

#endif
