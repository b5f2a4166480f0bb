#ifndef MAILBEARER_TOKEND_STORE_FILE_PRIVATE_H
#define MAILBEARER_TOKEND_STORE_FILE_PRIVATE_H

#include "tokend/store_file.h"
#include "tokend/writer.h"

/*
 * Shared by the two files of the store: store_file_read.c opens and reads, store_file_write.c changes what is on disk.
 * What they share is not changed after opening, so that the writer's thread may use it, too.
 */
#define STORE_FILE_SUFFIX ".grant"
#define STORE_FILE_TEMP_MARK ".tmp-"
#define STORE_FILE_MAX (SEAL_PLAIN_MAX + SEAL_OVERHEAD) /* bytes */

/* NAME_MAX is 255 on every file system that matters; an account's file leaves room for what is put around its name: the
 * marks of a temporary file, or ".unreadable-SECONDS". */
#define STORE_FILE_NAME_SIZE 220
#define STORE_FILE_MARKED_SIZE 256

struct store {
	char *path;
	int dir;  /* the directory; -1: not open yet */
	int lock; /* the lock file, locked; -1: not yet */
	struct seal_key *key;
	struct writer *writer; /* or NULL: not started */
};

/* The account's file name: no '/', no leading '.', and no two accounts with the same one. 0, or -1 with *err set. */
int store_file_name(const char *account, char out[STORE_FILE_NAME_SIZE], struct err *err);

/* As store_load, by the file's name. */
int store_file_load(const struct store *store, const char *account, const char *name, struct store_record *out,
		    struct err *err);

/* "cannot VERB PATH/NAME", with what to do about it. Always returns -1. */
int store_file_cannot(const char *verb, const struct store *store, const char *name, int errnum, struct err *err);

#endif
