#ifndef MAILBEARER_TOKEND_STORE_FILE_H
#define MAILBEARER_TOKEND_STORE_FILE_H

#include <stdbool.h>

#include "lib/deadline.h"
#include "lib/err.h"
#include "tokend/loop.h"
#include "tokend/seal.h"
#include "tokend/store.h"

/*
 * Records on disk: one sealed file per account (mode 0600) under the state directory, NAME percent-encoded plus
 * ".grant". Calls block on the disk, but for store_save_start. One process at a time: opening takes a lock that refuses
 * a second one.
 */
struct store;
struct store_save;

/*
 * Makes the directory when it is missing (0700), proves that it is ours alone, locks it, removes temporary files left
 * by a crash. Takes the key over, also when it fails. NULL with *err set (ERR_BUSY: another tokend runs on this state;
 * the text names its pid). The lock is inherited by fork: a daemon may go to the background afterwards.
 */
struct store *store_open(const char *directory, struct seal_key *key, struct err *err);
/* NULL is legal. A save that is under way still, because the disk hangs, is left to itself, and so are the lock and the
 * memory that it uses: only at the end of the process. */
void store_close(struct store *store);

/* 1: found; 0: there is none; -1 with *err set: it is there and cannot be read (the text names the file). */
int store_load(struct store *store, const char *account, struct store_record *out, struct err *err);

/*
 * Durable when it returns 0: temp file, fsync, rename, fsync of the folder. On -1 the file that was there is there
 * still (or the new one, whole, if only the last of these failed). A file that store_load could not read is put aside
 * as NAME.grant.unreadable-SECONDS, never overwritten.
 */
int store_save(struct store *store, const char *account, const struct store_record *record, struct err *err);

/*
 * The same by a thread, which store_start_writer starts once: an fsync may take seconds, and the loop has others to
 * serve. The loop outlives the store. The record is sealed before the call returns, and not needed afterwards. Until
 * the save has ended, no other call may change what is kept of this account: then what happened last is what is on
 * disk.
 *
 * Ends in one of two ways: the callback, from the loop, once (err->code ERR_NONE: durable, else as store_save's -1), or
 * store_save_wait, which blocks until it is done or the deadline has passed: 0 or -1, as store_save's, and then there
 * is no callback; or 1, and nothing has changed. NULL with *err set: nothing was begun.
 */
typedef void store_save_cb(void *arg, const struct err *err);

int store_start_writer(struct store *store, struct loop *loop, struct err *err);
struct store_save *store_save_start(struct store *store, const char *account, const struct store_record *record,
				    store_save_cb *cb, void *arg, struct err *err);
/* Illegal once its callback has begun. */
int store_save_wait(struct store_save *save, struct deadline deadline, struct err *err);
/* It goes on, and nobody is told how it ends; no callback. Illegal once that has begun. */
void store_save_leave(struct store_save *save);

/* Removes the account's record, durably. 0 also when there was none. */
int store_remove(struct store *store, const char *account, struct err *err);

/* Would this account's name make a valid file name? -1 with *err set if it is too long. */
int store_name_check(const char *account, struct err *err);

#endif
