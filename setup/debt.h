#ifndef MAILBEARER_SETUP_DEBT_H
#define MAILBEARER_SETUP_DEBT_H

#include <stdbool.h>

#include "lib/err.h"

/*
 * What has been written and not yet been read by whom it is for. A run that is interrupted in between leaves a mark
 * beside the configuration, so that the next one has it read, and one that finds no mark tells nobody anything.
 */

enum debt { DEBT_TOKEND, DEBT_POSTFIX };

/* Before the first write. config: the configuration's path. 0 or -1. */
int debt_owe(const char *config, enum debt debt, struct err *err);

bool debt_is_owed(const char *config, enum debt debt);

/* After it has been read. */
void debt_pay(const char *config, enum debt debt);

#endif
