#ifndef MAILBEARER_MILTER_CALLBACKS_H
#define MAILBEARER_MILTER_CALLBACKS_H

#include <stdbool.h>

#include "lib/deadline.h"
#include "lib/err.h"
#include "milter/conf.h"
#include "milter/judge.h"

/* libmilter, which knows one filter for a process. What it is given must outlive the process. */

/* listen: "unix:/PATH", "inet:PORT@HOST", "inet6:PORT@HOST". Opens the socket. 0, or -1 with *err set. */
int callbacks_open(const char *listen, struct conf_keeper *keeper, struct judge *judge, struct err *err);

/* Serves, in threads of the library's, until the process ends. Returns when the library has got a signal to stop: 0; or
 * has given up: -1, and the syslog has its reason. */
int callbacks_serve(void);

/* Waits until no message is under way, at most to the deadline. True: there is none. */
bool callbacks_wait_idle(struct deadline deadline);

#endif
