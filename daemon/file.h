#ifndef MAILBEARER_DAEMON_FILE_H
#define MAILBEARER_DAEMON_FILE_H

#include <limits.h>
#include <sys/types.h>

#include "lib/buf.h"
#include "lib/err.h"

/*
 * Whole files: read up to a maximum; and written so that whoever reads them, and whatever interrupts us, finds the old
 * one or the new one, whole. What is to become PATH is written as PATH.tmp, under the lock that postconf(1) takes on
 * that name (Postfix's edit_file(3)), flushed, and put in its place; so two writers never mix, and what a killed one
 * has left is used up by the next. All functions block on the disk; those that write, for FILE_LOCK_MS on somebody's
 * lock.
 */

#define FILE_LOCK_MS 10000
#define FILE_DRAFT_SUFFIX ".tmp"

/* What may be at the path. */
enum file_place {
	FILE_REPLACE, /* nothing, or a regular file, in whose place the new one comes; a symbolic link is refused */
	FILE_FOLLOW,  /* the same of where symbolic links lead; they stay */
	FILE_NEW      /* nothing; what is there stays */
};

struct file_owner {
	mode_t mode;
	uid_t uid; /* -1: who runs this */
	gid_t gid; /* the same */
};

/* What helps where a file could not be written, in parentheses and after a blank, to stand before strerror(errnum); ""
 * where that says it all. Static. */
const char *file_remedy(int errnum);

/* Adds the bytes of a regular file, up to out->max. 0, or -1: ERR_NOT_FOUND (there is none), ERR_CONFIG (no regular
 * file), ERR_LIMIT, ERR_SYSTEM, ERR_MEMORY. */
int file_read(const char *path, struct buf *out, struct err *err);

/* Adds what is left to read of an open one, of which `path` is the name for errors. 0 or -1 as above. */
int file_read_rest(int fd, const char *path, struct buf *out, struct err *err);

/* Writes the file. 0; 1: something is there and stays (FILE_NEW only); or -1: as it was before, and ERR_BUSY where
 * somebody else is writing it. */
int file_write(const char *path, enum file_place place, const struct buf *bytes, const struct file_owner *owner,
	       struct err *err);

/* The same in steps, for who has to look at something under the lock, or at the new file before it is in its place. */
struct file_draft {
	char path[PATH_MAX]; /* where it goes */
	char temp[PATH_MAX]; /* where it is until then */
	enum file_place place;
	int fd; /* holds the lock */
};

/* 0, or -1; then there is nothing to close. */
int file_draft_open(struct file_draft *draft, const char *path, enum file_place place, struct err *err);

/* Owner and mode are as wished before the first byte is there. 0 or -1. */
int file_draft_fill(struct file_draft *draft, const struct buf *bytes, const struct file_owner *owner, struct err *err);

/* As file_write. -1 also when it is in its place, and the disk has not confirmed it. */
int file_draft_commit(struct file_draft *draft, struct err *err);

/* Gives the lock back; a draft that was not committed is removed. */
void file_draft_close(struct file_draft *draft);

#endif
