#ifndef MAILBEARER_SETUP_FILES_H
#define MAILBEARER_SETUP_FILES_H

#include <stdbool.h>
#include <sys/types.h>

#include "lib/buf.h"
#include "lib/err.h"
#include "lib/secret.h"

/*
 * Files that are there whole or not at all, whatever interrupts us: written beside their place, flushed, and renamed.
 * What an interrupted run has left beside it is written over by the next.
 */

struct file_owner {
	mode_t mode;
	uid_t uid; /* of root's wishes only: whoever else runs this owns what is made */
	gid_t gid;
};

/* Adds the file's bytes. 0, also when there is none (then *there is false); or -1 with *err set. Up to the buffer's
 * maximum. */
int file_read(const char *path, struct buf *out, bool *there, struct err *err);

/* Makes the folder, one level, mode 0755, if it is not there. 0 or -1. */
int file_make_folder(const char *path, struct err *err);

/* Makes a folder of that mode and owner, and with root's mode 0755 those above it, where they are not there; what is
 * there stays as it is. 1 when it has been made, 0 when it was there, or -1. */
int file_make_owned_folder(const char *path, const struct file_owner *owner, struct err *err);

/* Writes what is to become `path` beside it, and appends its name. 0 or -1; then nothing is left. */
int file_stage(const char *path, const struct buf *bytes, const struct file_owner *owner, struct buf *staged,
	       struct err *err);

/* Puts it in its place, over what is there. 0 or -1. */
int file_commit(const char *staged, const char *path, struct err *err);

/* Both at once. */
int file_write(const char *path, const struct buf *bytes, const struct file_owner *owner, struct err *err);

/* As file_write, but what is there already stays: 1 when it has been made, 0 when it was there, or -1. */
int file_make(const char *path, const struct buf *bytes, const struct file_owner *owner, struct err *err);

/* Holds others like us off, while we live. 0, or -1: ERR_BUSY, or no such folder. The descriptor is ours to forget. */
int file_lock_folder(const char *folder, struct err *err);

#endif
