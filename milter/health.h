#ifndef MAILBEARER_MILTER_HEALTH_H
#define MAILBEARER_MILTER_HEALTH_H

#include "milter/gates.h"

/*
 * Can an account send now? Asks tokend's `account` map. Mail never waits for it long: HEALTH_MS at most, and for
 * HEALTH_AWAY_MS after tokend did not answer nobody is asked; what is not known counts as healthy. Any thread may call.
 */
#define HEALTH_MS 1000
#define HEALTH_AWAY_MS 10000

struct health;

struct health *health_new(void); /* NULL: out of memory */
void health_free(struct health *health);

/* Always fills *out. Logs when tokend goes away and when it comes back. */
void health_ask(struct health *health, const char *socket_path, const char *mailbox, struct gates_health *out);

#endif
