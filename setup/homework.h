#ifndef MAILBEARER_SETUP_HOMEWORK_H
#define MAILBEARER_SETUP_HOMEWORK_H

#include "lib/buf.h"
#include "setup/question.h"

/*
 * What is left to people on the provider's side, with this installation's values in it: steps in Microsoft's portal,
 * and lines for Exchange Online PowerShell, which only an Exchange administrator can run. Pure. Appends nothing for a
 * provider of whom it knows nothing. Failure is in `out`.
 */
void homework(const struct setup_answers *answers, struct buf *out);

#endif
