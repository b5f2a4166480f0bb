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
 * ".grant". Opening and loading block on the disk. One process at a time: opening takes a lock that refuses a second
 * one.
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
 * Changes are made by a thread, which store_start_writer starts once, in the order in which they were begun: an fsync
 * may take seconds, and the loop, which outlives the store, has others to serve.
 *
 * A change ends in one of two ways: the callback, from the loop, once (err->code ERR_NONE: done and durable), or
 * store_save_wait, which blocks until it is done or the deadline has passed: 0, or -1 with *err set, and then there is
 * no callback; or 1, and nothing has changed. NULL with *err set: nothing was begun.
 *
 * To save: temp file, fsync, rename, fsync of the folder. When it fails, the file that was there is there still (or the
 * new one, whole, if only the last of these failed). A file that store_load could not read is put aside as
 * NAME.grant.unreadable-SECONDS, never overwritten. The record is sealed before the call returns, and not needed
 * afterwards.
 */
typedef void store_save_cb(void *arg, const struct err *err);

int store_start_writer(struct store *store, struct loop *loop, struct err *err);
struct store_save *store_save_start(struct store *store, const char *account, const struct store_record *record,
				    store_save_cb *cb, void *arg, struct err *err);
/* Its file is taken away; done also when there was none. */
struct store_save *store_remove_start(struct store *store, const char *account, store_save_cb *cb, void *arg,
				      struct err *err);
/* Illegal once its callback has begun. */
int store_save_wait(struct store_save *save, struct deadline deadline, struct err *err);
/* It goes on, and nobody is told how it ends; no callback. Illegal once that has begun. */
void store_save_leave(struct store_save *save);

/* Would this account's name make a valid file name? -1 with *err set if it is too long. */
int store_name_check(const char *account, struct err *err);

#endif
