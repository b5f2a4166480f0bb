#ifndef MAILBEARER_SETUP_WRITE_H
#define MAILBEARER_SETUP_WRITE_H

#include <stdbool.h>

#include "lib/err.h"
#include "setup/doors.h"
#include "setup/plan.h"

/*
 * Puts the plan on disk: the client's secret, the seal key, and last the configuration that names them, each whole or
 * not at all. The configuration is proved before it takes the place of the old one.
 */
struct setup_written {
	bool conf, secret, seal_key; /* changed, or made */
};

/* conf: the text that is there now. 0, or -1 with *err set: what has not been written is as it was. */
int setup_write(const struct setup_doors *doors, const char *config, const struct buf *conf,
		const struct setup_answers *answers, const struct setup_plan *plan, struct setup_written *out,
		struct err *err);

#endif
