#ifndef MAILBEARER_DAEMON_NOTIFY_H
#define MAILBEARER_DAEMON_NOTIFY_H

#include <stdint.h>

/* sd_notify(3)'s protocol over $NOTIFY_SOCKET, without libsystemd. Without that variable each call does nothing. Never
 * blocks; a notification that cannot be sent is lost. */

void notify_ready(const char *status); /* READY=1 and STATUS= */
void notify_reloading(void);           /* RELOADING=1 and MONOTONIC_USEC=; notify_ready() ends it */
void notify_stopping(void);            /* STOPPING=1 */
void notify_watchdog(void);            /* WATCHDOG=1 */

/* Milliseconds between two notify_watchdog() calls, half of WATCHDOG_USEC; 0: no watchdog is wanted of this process. */
int64_t notify_watchdog_interval(void);

#endif
