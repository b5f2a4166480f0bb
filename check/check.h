#ifndef MAILBEARER_CHECK_CHECK_H
#define MAILBEARER_CHECK_CHECK_H

#include <stdbool.h>

#include "check/finding.h"
#include "check/options.h"
#include "daemon/settings.h"

/*
 * The whole way of a mail, step by step: configuration, files, tokend, plugin, Postfix, token, and the submission
 * server up to RCPT. Changes nothing, but for what tokend does when it is asked for a token, as by the plugin. A step
 * that others depend on and that fails makes those skipped; the rest goes on.
 */

/*
 * Called once for each step, in order, as soon as it is done. account: NULL for steps that are about the machine. The
 * client (or NULL) is that of the account. All borrowed.
 */
typedef void check_report(void *arg, const char *step, const char *account, const struct settings_client *client,
			  const struct finding *finding);

struct check_counts {
	unsigned ok, warnings, failed, skipped;
	bool no_tokend; /* it gave no answer */
};

/* Blocks: each wait has a deadline. */
struct check_counts check_run(const struct check_options *options, check_report *report, void *arg);

/* The name of the i-th step from 0, or NULL after the last: for the manual. */
const char *check_step_at(unsigned i);

#endif
