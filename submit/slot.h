#ifndef MAILBEARER_SUBMIT_SLOT_H
#define MAILBEARER_SUBMIT_SLOT_H

#include "lib/deadline.h"
#include "lib/err.h"

/*
 * A place in a mailbox: Exchange takes three sessions of one at a time, and an MTA runs us as often as it likes. A
 * place is a lock (flock(2)) on one of `count` files in a folder that all of them share; it ends with the process that
 * holds it, so nothing can go stale.
 */

/* A descriptor to be given to slot_leave, or -1: ERR_BUSY when the deadline passed, ERR_SYSTEM with the remedy in the
 * text when the folder cannot be used. Blocks up to the deadline. */
int slot_take(const char *folder, const char *account, int count, struct deadline deadline, struct err *err);

/* -1 is legal. */
void slot_leave(int slot);

#endif
