#ifndef MAILBEARER_TESTS_UNIT_FAKE_STORE_H
#define MAILBEARER_TESTS_UNIT_FAKE_STORE_H

#include "tokend/store_file.h"

/* Linked in the place of tokend/store_file.c: records in memory, and a disk that fails when the test says so. */

/* store_save and store_remove fail from now on, or work again. */
void fake_store_fail(struct store *store, bool fail);

/* The account's record cannot be read; a save replaces it. */
void fake_store_spoil(struct store *store, const char *account);

/* How often something was saved. */
unsigned fake_store_saves(const struct store *store);

/* The refresh token that is kept: "" for none. Valid until the next call. */
const char *fake_store_token(const struct store *store, const char *account);

/* Puts a record there as if it came from an earlier run. */
void fake_store_put(struct store *store, const char *account, const char *client_id, const char *token);

#endif
