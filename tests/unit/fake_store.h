#ifndef MAILBEARER_TESTS_UNIT_FAKE_STORE_H
#define MAILBEARER_TESTS_UNIT_FAKE_STORE_H

#include "tokend/store_file.h"

/* Linked in the place of tokend/store_file_read.c: records in memory, and a disk that fails when the test says so. What
 * is begun ends in the next turn of the loop, unless it is held. Aborts when the contract is broken. */

/* What is under way fails from now on, or works again. */
void fake_store_fail(struct store *store, bool fail);

/* A change says at once that it cannot, from now on, or works again. */
void fake_store_refuse(struct store *store, bool refuse);
void fake_store_hang(struct store *store, bool hangs); /* whoever waits for a save does so in vain */
int fake_store_patience(const struct store *store);    /* how long they were ready to, all together, in ms */

/* Nothing that is under way ends from now on, but when somebody waits for it; or all of it in the next turn. */
void fake_store_hold(struct store *store, bool hold);

/* The account's record cannot be read; a save replaces it. */
void fake_store_spoil(struct store *store, const char *account);

/* How often something was saved. */
unsigned fake_store_saves(const struct store *store);

/* The refresh token that is kept: "" for none. Valid until the next call. */
const char *fake_store_token(const struct store *store, const char *account);

/* Puts a record there as if it came from an earlier run. */
void fake_store_put(struct store *store, const char *account, const char *client_id, const char *token);

#endif
